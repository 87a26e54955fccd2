// Command clients tries a Kubernetes API server through Go's client libraries: client-go's typed, dynamic, metadata and
// discovery clients, its informers, and controller-runtime. The server is the kubeconfig's, any server; it needs no
// node and no controllers. A line is printed for each case, and the exit code is 0 only if all of them pass.
//
// What is known of the server is what a user of these libraries sees: objects, errors, events.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Longer than this no case takes, on whatever machine.
const patience = 90 * time.Second

// As many cases run at a time: most of what they do is to wait.
const together = 4

type testCase struct {
	name string
	run  func(context.Context, *world) error
}

// In the order of what they build upon.
var cases = []testCase{
	{"crud", crud},
	{"preconditions", preconditions},
	{"generated-names", generatedNames},
	{"finalizers", finalizers},
	{"delete-collection", deleteCollection},
	{"dry-run", dryRun},
	{"field-validation", fieldValidation},
	{"warnings", warnings},
	{"pages", pages},
	{"selectors", selectors},
	{"patches", patches},
	{"apply", apply},
	{"apply-status", applyStatus},
	{"scale", scaleSubresource},
	{"eviction", eviction},
	{"binding", binding},
	{"token", token},
	{"without-nodes", withoutNodes},
	{"discovery", discover},
	{"openapi", openAPI},
	{"table", table},
	{"metadata", metadataOnly},
	{"dynamic", dynamicClient},
	{"events", recordEvents},
	{"watch", watchFromRevision},
	{"watch-resume", watchResume},
	{"watch-gone", watchGone},
	{"watch-bookmarks", watchBookmarks},
	{"informer", informer},
	{"informer-reconnect", informerReconnect},
	{"leader-election", leaderElection},
	{"manager", manager},
	{"manager-failover", managerFailover},
	{"envtest", environmentTest},
}

func main() {
	only := flag.String("run", "", "run only the cases that match this regular expression")
	klog.InitFlags(nil)
	flag.Set("logtostderr", "false") // what libraries log is no result
	flag.Set("stderrthreshold", "FATAL")
	flag.Parse()
	log.SetLogger(logr.Discard())
	failed, err := runAll(regexp.MustCompile(*only))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func runAll(only *regexp.Regexp) (failed int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	world, err := newWorld(ctx)
	if err != nil {
		return 0, err
	}
	var group sync.WaitGroup
	var lines sync.Mutex
	slots := make(chan struct{}, together)
	for _, c := range cases {
		if !only.MatchString(c.name) {
			continue
		}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			err := runOne(ctx, world, c)
			lines.Lock()
			defer lines.Unlock()
			if err != nil {
				failed++
				fmt.Printf("FAILED %s: %s\n", c.name, strings.ReplaceAll(err.Error(), "\n", " / "))
				return
			}
			fmt.Printf("ok %s\n", c.name)
		})
	}
	group.Wait()
	return failed, world.remove(ctx)
}

// A panic fails its case alone.
func runOne(ctx context.Context, w *world, c testCase) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done within %s", patience))
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
		if err != nil && errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
	}()
	return c.run(ctx, w)
}
