package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Leases of a test are short: who leads is replaced within seconds.
const (
	leaseFor   = 2 * time.Second
	renewFor   = 1500 * time.Millisecond
	renewEvery = 300 * time.Millisecond
)

func leaderElection(ctx context.Context, w *world) error {
	led := make(chan string, 2)
	resign := map[string]context.CancelFunc{}
	var group sync.WaitGroup
	defer group.Wait()
	for _, name := range []string{"one", "two"} {
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "leader-election", Namespace: w.namespace},
			Client:     w.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: leaseFor, RenewDeadline: renewFor, RetryPeriod: renewEvery, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { led <- name },
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			return err
		}
		of, cancel := context.WithCancel(ctx)
		defer cancel()
		resign[name] = cancel
		group.Go(func() { elector.Run(of) })
	}
	leads := func() (string, error) {
		select {
		case name := <-led:
			return name, nil
		case <-ctx.Done():
			return "", fmt.Errorf("nobody leads: %w", ctx.Err())
		}
	}
	first, err := leads()
	if err != nil {
		return err
	}
	resign[first]()
	second, err := leads()
	if err != nil {
		return err
	}
	lease, err := w.client.CoordinationV1().Leases(w.namespace).Get(ctx, "leader-election", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return expect(second != first && *lease.Spec.HolderIdentity == second && *lease.Spec.LeaseTransitions >= 1,
		"%s after %s, lease %v", second, first, lease.Spec)
}

// A copier is a controller that keeps a secret beside each config map of its case, owned by it.
type copier struct {
	client.Client
	label string
	runs  atomic.Int64
}

func (c *copier) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	c.runs.Add(1)
	source := &corev1.ConfigMap{}
	if err := c.Get(ctx, request.NamespacedName, source); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	copied := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: source.Name, Namespace: source.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, c.Client, copied, func() error {
		copied.Labels = map[string]string{"case": c.label}
		copied.Data = map[string][]byte{"value": []byte(source.Data["value"])}
		return controllerutil.SetControllerReference(source, copied, c.Scheme())
	})
	return ctrl.Result{}, err
}

// startManager starts a manager with a copier in it, which works as soon as it leads.
func (w *world) startManager(ctx context.Context, config *rest.Config, name string) (ctrl.Manager, *copier, func() error, error) {
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme.Scheme,
		Cache:                         cache.Options{DefaultNamespaces: map[string]cache.Config{w.namespace: {}}},
		Metrics:                       server.Options{BindAddress: "0"},
		LeaderElection:                true,
		LeaderElectionID:              name,
		LeaderElectionNamespace:       w.namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 ptr.To(leaseFor),
		RenewDeadline:                 ptr.To(renewFor),
		RetryPeriod:                   ptr.To(renewEvery),
		Controller:                    controllers,
	})
	if err != nil {
		return nil, nil, nil, err
	}
	c := &copier{Client: manager.GetClient(), label: name}
	mine := func(object client.Object) bool { return object.GetLabels()["case"] == name }
	err = ctrl.NewControllerManagedBy(manager).Named(name).
		For(&corev1.ConfigMap{}).Owns(&corev1.Secret{}).WithEventFilter(predicate.NewPredicateFuncs(mine)).Complete(c)
	if err != nil {
		return nil, nil, nil, err
	}
	err = manager.GetFieldIndexer().IndexField(ctx, &corev1.Secret{}, "value", func(object client.Object) []string {
		return []string{string(object.(*corev1.Secret).Data["value"])}
	})
	if err != nil {
		return nil, nil, nil, err
	}
	of, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- manager.Start(of) }()
	stop := func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return errors.New("the manager does not stop")
		}
	}
	return manager, c, stop, nil
}

// copied waits until the secret beside a config map has this value, as the manager's cache sees it.
func (c *copier) copied(ctx context.Context, namespace, name, value string) error {
	return eventually(ctx, func() error {
		secrets := &corev1.SecretList{}
		err := c.List(ctx, secrets, client.InNamespace(namespace), client.MatchingFields{"value": value}, client.MatchingLabels{"case": c.label})
		if err != nil {
			return err
		}
		return expect(len(secrets.Items) == 1 && secrets.Items[0].Name == name, "%d secrets of value %s", len(secrets.Items), value)
	})
}

func manager(ctx context.Context, w *world) error {
	manager, c, stop, err := w.startManager(ctx, binary(w.config), "manager")
	if err != nil {
		return err
	}
	if _, err := w.configMap(ctx, meta("manager"), map[string]string{"value": "manager-1"}); err != nil {
		return err
	}
	if err := c.copied(ctx, w.namespace, "manager", "manager-1"); err != nil {
		return err
	}
	if _, err := w.touch(ctx, "manager", "manager-2"); err != nil {
		return err
	}
	if err := c.copied(ctx, w.namespace, "manager", "manager-2"); err != nil {
		return err
	}
	// What it owns is its own again when somebody takes it away.
	secrets := w.client.CoreV1().Secrets(w.namespace)
	before, err := secrets.Get(ctx, "manager", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := expect(len(before.OwnerReferences) == 1 && *before.OwnerReferences[0].Controller, "owned by %v", before.OwnerReferences); err != nil {
		return err
	}
	if err := secrets.Delete(ctx, "manager", metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err := eventually(ctx, func() error {
		after, err := secrets.Get(ctx, "manager", metav1.GetOptions{})
		if err != nil {
			return err
		}
		return expect(after.UID != before.UID, "not yet deleted")
	}); err != nil {
		return err
	}
	// The typed client of the library: patch from a copy, apply, and a read past the cache.
	found := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: w.namespace, Name: "manager"}
	if err := manager.GetAPIReader().Get(ctx, key, found); err != nil {
		return err
	}
	changed := found.DeepCopy()
	changed.Annotations = map[string]string{"a": "1"}
	if err := c.Patch(ctx, changed, client.MergeFromWithOptions(found, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	err = c.Patch(ctx, found.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"resourceVersion":"1"}}`)))
	if err := refused("a patch of an old copy", err, apierrors.IsConflict); err != nil {
		return err
	}
	return stop()
}

// managerFailover: two managers and one lease. Who does not lead does nothing; when the first goes, the second works.
func managerFailover(ctx context.Context, w *world) error {
	const name = "manager-failover"
	_, first, stopFirst, err := w.startManager(ctx, w.config, name)
	if err != nil {
		return err
	}
	if _, err := w.configMap(ctx, meta(name), map[string]string{"value": name + "-1"}); err != nil {
		return err
	}
	if err := first.copied(ctx, w.namespace, name, name+"-1"); err != nil {
		return err
	}
	_, second, stopSecond, err := w.startManager(ctx, w.config, name)
	if err != nil {
		return err
	}
	if err := second.copied(ctx, w.namespace, name, name+"-1"); err != nil { // its cache fills, though it does not lead
		return err
	}
	if _, err := w.touch(ctx, name, name+"-2"); err != nil {
		return err
	}
	if err := first.copied(ctx, w.namespace, name, name+"-2"); err != nil {
		return err
	}
	if err := expect(second.runs.Load() == 0, "who does not lead has worked"); err != nil {
		return err
	}
	if err := stopFirst(); err != nil {
		return err
	}
	if _, err := w.touch(ctx, name, name+"-3"); err != nil {
		return err
	}
	if err := second.copied(ctx, w.namespace, name, name+"-3"); err != nil {
		return err
	}
	lease := &coordinationv1.Lease{}
	if err := second.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, lease); err != nil {
		return err
	}
	if err := expect(*lease.Spec.LeaseTransitions >= 1, "the lease never changed hands: %v", lease.Spec); err != nil {
		return err
	}
	return stopSecond()
}

// environmentTest is how operators are tested: against a server that is there, through envtest.
func environmentTest(ctx context.Context, w *world) error {
	environment := &envtest.Environment{UseExistingCluster: ptr.To(true), Config: rest.CopyConfig(w.config)}
	config, err := environment.Start()
	if err != nil {
		return err
	}
	direct, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	object := &corev1.ConfigMap{ObjectMeta: meta("envtest")}
	object.Namespace = w.namespace
	if err := direct.Create(ctx, object); err != nil {
		return err
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	if err := direct.List(ctx, list, client.InNamespace(w.namespace), client.MatchingLabels{"case": "envtest"}); err != nil {
		return err
	}
	if err := expect(len(list.Items) == 1, "listed %d", len(list.Items)); err != nil {
		return err
	}
	if err := direct.Delete(ctx, object); err != nil {
		return err
	}
	if err := refused("what is gone", direct.Get(ctx, client.ObjectKeyFromObject(object), object), apierrors.IsNotFound); err != nil {
		return err
	}
	return environment.Stop()
}

// Two managers of one process have controllers of the same name.
var controllers = config.Controller{SkipNameValidation: ptr.To(true)}
