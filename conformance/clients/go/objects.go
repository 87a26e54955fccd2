package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
)

func crud(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	first, err := w.configMap(ctx, meta("crud"), map[string]string{"a": "1"})
	if err != nil {
		return err
	}
	if err := expect(first.UID != "" && first.ResourceVersion != "" && !first.CreationTimestamp.IsZero(),
		"made without uid, revision or time: %v", first.ObjectMeta); err != nil {
		return err
	}
	_, err = w.configMap(ctx, meta("crud"), nil)
	if err := refused("a second of the name", err, apierrors.IsAlreadyExists); err != nil {
		return err
	}
	changed := first.DeepCopy()
	changed.Data["a"] = "2"
	changed.BinaryData = map[string][]byte{"b": {0, 159, 255}}
	second, err := maps.Update(ctx, changed, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	if err := expect(second.ResourceVersion != first.ResourceVersion, "the update has the old revision"); err != nil {
		return err
	}
	same, err := maps.Update(ctx, second, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	if err := expect(same.ResourceVersion == second.ResourceVersion, "an update of nothing has a new revision"); err != nil {
		return err
	}
	_, err = maps.Update(ctx, changed, metav1.UpdateOptions{})
	if err := refused("an update of an old revision", err, apierrors.IsConflict); err != nil {
		return err
	}
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		newest, err := maps.Get(ctx, "crud", metav1.GetOptions{})
		if err != nil {
			return err
		}
		newest.Data["c"] = "3"
		_, err = maps.Update(ctx, newest, metav1.UpdateOptions{})
		return err
	}); err != nil {
		return err
	}
	read, err := maps.Get(ctx, "crud", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := expect(read.Data["a"] == "2" && read.Data["c"] == "3" && bytes.Equal(read.BinaryData["b"], []byte{0, 159, 255}),
		"read %v %v", read.Data, read.BinaryData); err != nil {
		return err
	}
	if err := maps.Delete(ctx, "crud", metav1.DeleteOptions{}); err != nil {
		return err
	}
	_, err = maps.Get(ctx, "crud", metav1.GetOptions{})
	return refused("what is gone", err, apierrors.IsNotFound)
}

func preconditions(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	object, err := w.configMap(ctx, meta("preconditions"), nil)
	if err != nil {
		return err
	}
	other := metav1.Preconditions{UID: ptr.To(types.UID("11111111-2222-3333-4444-555555555555"))}
	err = maps.Delete(ctx, object.Name, metav1.DeleteOptions{Preconditions: &other})
	if err := refused("another's uid", err, apierrors.IsConflict); err != nil {
		return err
	}
	old := metav1.Preconditions{ResourceVersion: ptr.To("1")}
	err = maps.Delete(ctx, object.Name, metav1.DeleteOptions{Preconditions: &old})
	if err := refused("an old revision", err, apierrors.IsConflict); err != nil {
		return err
	}
	right := metav1.Preconditions{UID: &object.UID, ResourceVersion: &object.ResourceVersion}
	return maps.Delete(ctx, object.Name, metav1.DeleteOptions{Preconditions: &right})
}

func generatedNames(ctx context.Context, w *world) error {
	seen := map[string]bool{}
	for range 20 {
		object, err := w.configMap(ctx, metav1.ObjectMeta{GenerateName: "generated-"}, nil)
		if err != nil {
			return err
		}
		if err := expect(strings.HasPrefix(object.Name, "generated-") && len(object.Name) == len("generated-")+5 && !seen[object.Name],
			"generated %q", object.Name); err != nil {
			return err
		}
		seen[object.Name] = true
	}
	return nil
}

func finalizers(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	held := meta("finalizers")
	held.Finalizers = []string{"example.com/hold"}
	object, err := w.configMap(ctx, held, nil)
	if err != nil {
		return err
	}
	if err := maps.Delete(ctx, object.Name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	going, err := maps.Get(ctx, object.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("what is held is gone: %w", err)
	}
	if err := expect(going.DeletionTimestamp != nil, "what goes does not say so"); err != nil {
		return err
	}
	going.Finalizers = append(going.Finalizers, "example.com/more")
	_, err = maps.Update(ctx, going, metav1.UpdateOptions{})
	if err := refused("another finalizer on what goes", err, apierrors.IsInvalid); err != nil {
		return err
	}
	going.Finalizers = nil
	if _, err := maps.Update(ctx, going, metav1.UpdateOptions{}); err != nil {
		return err
	}
	_, err = maps.Get(ctx, object.Name, metav1.GetOptions{})
	return refused("what was held", err, apierrors.IsNotFound)
}

func deleteCollection(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	for i := range 6 {
		of := meta("delete-collection")
		of.Name = fmt.Sprintf("delete-collection-%d", i)
		of.Labels["odd"] = fmt.Sprint(i%2 == 1)
		if _, err := w.configMap(ctx, of, nil); err != nil {
			return err
		}
	}
	odd := metav1.ListOptions{LabelSelector: "case=delete-collection,odd=true"}
	if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{}, odd); err != nil {
		return err
	}
	left, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "case=delete-collection"})
	if err != nil {
		return err
	}
	return expect(len(left.Items) == 3, "%d are left", len(left.Items))
}

func dryRun(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	object := &corev1.ConfigMap{ObjectMeta: meta("dry-run")}
	made, err := maps.Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err
	}
	if err := expect(made.UID != "" && made.ResourceVersion == "", "made %v", made.ObjectMeta); err != nil {
		return err
	}
	_, err = maps.Get(ctx, "dry-run", metav1.GetOptions{})
	return refused("what was only tried", err, apierrors.IsNotFound)
}

func fieldValidation(ctx context.Context, w *world) error {
	body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"strict","lables":{}},"data":{"a":"1","a":"2"}}`
	create := func(validation string) error {
		return w.client.CoreV1().RESTClient().Post().Namespace(w.namespace).Resource("configmaps").
			SetHeader("Content-Type", "application/json").Param("fieldValidation", validation).
			Body([]byte(body)).Do(ctx).Error()
	}
	err := create("Strict")
	if err := refused("unknown and duplicate fields", err, apierrors.IsBadRequest); err != nil {
		return err
	}
	for _, part := range []string{`unknown field "metadata.lables"`, `duplicate field "data.a"`} {
		if err := expect(strings.Contains(err.Error(), part), "not named: %s in %v", part, err); err != nil {
			return err
		}
	}
	return create("Ignore")
}

// heard collects warnings.
type heard struct {
	lock sync.Mutex
	said []string
}

func (h *heard) HandleWarningHeader(_ int, _ string, text string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.said = append(h.said, text)
}

func warnings(ctx context.Context, w *world) error {
	heard := &heard{}
	config := rest.CopyConfig(w.config)
	config.WarningHandler = heard
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"warnings"},"date":{"a":"1"}}`
	err = client.CoreV1().RESTClient().Post().Namespace(w.namespace).Resource("configmaps").
		Param("fieldValidation", "Warn").Body([]byte(body)).Do(ctx).Error()
	if err != nil {
		return err
	}
	return expect(len(heard.said) == 1 && heard.said[0] == `unknown field "date"`, "heard %q", heard.said)
}
