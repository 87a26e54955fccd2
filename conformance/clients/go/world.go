package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
)

// What cases put into the namespace, and what has to go before it does.
var made = []schema.GroupVersionResource{
	{Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "events"},
	{Version: "v1", Resource: "pods"},
	{Version: "v1", Resource: "secrets"},
	{Version: "v1", Resource: "services"},
	{Version: "v1", Resource: "serviceaccounts"},
	{Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"},
	{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
}

// A world is a namespace of a server, and the clients that reach it.
type world struct {
	config    *rest.Config
	client    *kubernetes.Clientset
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	namespace string
}

func newWorld(ctx context.Context) (*world, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	client, err := kubernetes.NewForConfig(binary(config))
	if err != nil {
		return nil, err
	}
	w := &world{config: config, client: client}
	w.dynamic = dynamic.NewForConfigOrDie(config)
	w.metadata = metadata.NewForConfigOrDie(config)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "clients-go-"}}
	namespace, err = client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("cannot make a namespace: %w", err)
	}
	w.namespace = namespace.Name
	// Pods need one, and a server without controllers makes none.
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	_, err = client.CoreV1().ServiceAccounts(w.namespace).Create(ctx, account, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("cannot make an account: %w", err)
	}
	return w, nil
}

// binary is the same configuration, asking for protobuf as components do.
func binary(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return config
}

// remove takes everything away that cases have left. Where no controller looks after namespaces that go, it says itself
// that nothing is left in there.
func (w *world) remove(ctx context.Context) error {
	now := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}
	for _, resource := range made {
		err := w.metadata.Resource(resource).Namespace(w.namespace).DeleteCollection(ctx, now, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("cannot remove %s: %w", resource.Resource, err)
		}
	}
	namespaces := w.client.CoreV1().Namespaces()
	if err := namespaces.Delete(ctx, w.namespace, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("cannot remove the namespace: %w", err)
	}
	return eventually(ctx, func() error {
		namespace, err := namespaces.Get(ctx, w.namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		} else if err != nil {
			return err
		}
		namespace.Spec.Finalizers = nil
		_, err = namespaces.Finalize(ctx, namespace, metav1.UpdateOptions{})
		return errors.Join(errors.New("the namespace is still there"), err)
	})
}

// meta names an object of a case. All that a case makes is called after it, so that cases can run beside each other.
func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{"case": name}}
}

// configMap makes one, and says what came of it.
func (w *world) configMap(ctx context.Context, meta metav1.ObjectMeta, data map[string]string) (*corev1.ConfigMap, error) {
	object := &corev1.ConfigMap{ObjectMeta: meta, Data: data}
	return w.client.CoreV1().ConfigMaps(w.namespace).Create(ctx, object, metav1.CreateOptions{})
}

// eventually looks again until it finds what it looks for, or says what it found last.
func eventually(ctx context.Context, look func() error) error {
	for {
		err := look()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// all says what is wrong with the first step that fails.
func all(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// expect says what was to be, where it is not.
func expect(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// refused is whether an error is of this reason, and nil if so.
func refused(what string, err error, is func(error) bool) error {
	if err == nil {
		return fmt.Errorf("%s: went well, and should not", what)
	}
	return expect(is(err), "%s: refused otherwise: %v (%s)", what, err, apierrors.ReasonForError(err))
}
