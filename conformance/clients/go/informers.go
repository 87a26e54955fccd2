package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// a follower is an informer of a case's config maps, and what it was told.
type follower struct {
	informer cache.SharedIndexInformer
	wire     *wire
	factory  informers.SharedInformerFactory

	lock sync.Mutex
	told []string
}

func (w *world) follow(ctx context.Context, name string) (*follower, error) {
	wire, err := newWire(w.config)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(binary(wire.config))
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(w.namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = "case=" + name }))
	f := &follower{informer: factory.Core().V1().ConfigMaps().Informer(), wire: wire, factory: factory}
	tell := func(what string, object any) {
		f.lock.Lock()
		defer f.lock.Unlock()
		of := object.(*corev1.ConfigMap)
		f.told = append(f.told, fmt.Sprintf("%s %s %s", what, of.Name, of.Data["value"]))
	}
	_, err = f.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell("add", object) },
		UpdateFunc: func(_, object any) { tell("update", object) },
		DeleteFunc: func(object any) {
			if gone, is := object.(cache.DeletedFinalStateUnknown); is {
				object = gone.Obj
			}
			tell("delete", object)
		},
	})
	if err != nil {
		return nil, err
	}
	factory.StartWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), f.informer.HasSynced) {
		return nil, fmt.Errorf("never in sync: %w", ctx.Err())
	}
	return f, nil
}

func (f *follower) close() {
	f.wire.cut()
}

// hears waits until exactly this was told, and forgets it.
func (f *follower) hears(ctx context.Context, what ...string) error {
	return eventually(ctx, func() error {
		f.lock.Lock()
		defer f.lock.Unlock()
		// Initial ones come in no order.
		if strings.HasPrefix(what[0], "add") {
			slices.Sort(f.told)
		}
		if !slices.Equal(f.told, what) {
			return fmt.Errorf("told %q instead of %q", f.told, what)
		}
		f.told = nil
		return nil
	})
}

// informer is how every component looks at the world: one streaming list over protobuf, then its events.
func informer(ctx context.Context, w *world) error {
	if err := w.numbered(ctx, "informer", 2); err != nil {
		return err
	}
	f, err := w.follow(ctx, "informer")
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.hears(ctx, "add informer-000 ", "add informer-001 "); err != nil {
		return err
	}
	for _, request := range f.wire.requests() {
		query := request.URL.Query()
		if err := expect(query.Get("watch") == "true" && query.Get("sendInitialEvents") == "true" &&
			strings.HasPrefix(request.Header.Get("Accept"), "application/vnd.kubernetes.protobuf"),
			"not a streaming list of protobuf: %s %v", request.URL, request.Header["Accept"]); err != nil {
			return err
		}
	}
	if _, err := w.touch(ctx, "informer-000", "new"); err != nil {
		return err
	}
	if err := w.client.CoreV1().ConfigMaps(w.namespace).Delete(ctx, "informer-001", metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err := f.hears(ctx, "update informer-000 new", "delete informer-001 "); err != nil {
		return err
	}
	found, err := f.factory.Core().V1().ConfigMaps().Lister().ConfigMaps(w.namespace).List(labels.Everything())
	if err != nil {
		return err
	}
	return expect(len(found) == 1 && found[0].Data["number"] == "0", "the cache holds %v", found)
}

// informerReconnect goes on from the last revision that it saw, without listing again.
func informerReconnect(ctx context.Context, w *world) error {
	if err := w.numbered(ctx, "informer-reconnect", 3); err != nil {
		return err
	}
	f, err := w.follow(ctx, "informer-reconnect")
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.hears(ctx, "add informer-reconnect-000 ", "add informer-reconnect-001 ", "add informer-reconnect-002 "); err != nil {
		return err
	}
	// A watch that breaks before it told anything is not trusted: the library lists again.
	if _, err := w.touch(ctx, "informer-reconnect-002", "0"); err != nil {
		return err
	}
	if err := f.hears(ctx, "update informer-reconnect-002 0"); err != nil {
		return err
	}
	f.wire.requests()
	f.wire.cut()
	if _, err := w.touch(ctx, "informer-reconnect-000", "1"); err != nil {
		return err
	}
	if _, err := w.touch(ctx, "informer-reconnect-000", "2"); err != nil {
		return err
	}
	if err := w.client.CoreV1().ConfigMaps(w.namespace).Delete(ctx, "informer-reconnect-001", metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err := f.wire.mend(); err != nil {
		return err
	}
	// Both steps of the first are told: whoever lists again would only see the last.
	if err := f.hears(ctx, "update informer-reconnect-000 1", "update informer-reconnect-000 2", "delete informer-reconnect-001 "); err != nil {
		return err
	}
	return f.onlyResumed()
}

func (f *follower) onlyResumed() error {
	asked := f.wire.requests()
	if len(asked) == 0 {
		return fmt.Errorf("nothing was asked again")
	}
	for _, request := range asked {
		query := request.URL.Query()
		if err := expect(request.Method == http.MethodGet && query.Get("watch") == "true" && query.Get("resourceVersion") != "" &&
			query.Get("sendInitialEvents") == "", "asked %s", request.URL); err != nil {
			return err
		}
	}
	return nil
}
