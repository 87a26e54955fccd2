package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/record"
)

func discover(ctx context.Context, w *world) error {
	client := w.client.Discovery()
	version, err := client.ServerVersion()
	if err != nil {
		return err
	}
	if err := expect(version.Major == "1" && version.Minor >= "37", "version %v", version); err != nil {
		return err
	}
	groups, aggregated, err := client.ServerGroupsAndResources()
	if err != nil {
		return err
	}
	_, single, err := discovery.ServerGroupsAndResources(client.WithLegacy())
	if err != nil {
		return err
	}
	count := func(lists []*metav1.APIResourceList) (count int) {
		for _, list := range lists {
			count += len(list.APIResources)
		}
		return count
	}
	if err := expect(len(groups) >= 20 && count(aggregated) == count(single) && count(single) > 100,
		"%d groups, %d resources at once, %d one by one", len(groups), count(aggregated), count(single)); err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client))
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "apps", Kind: "Deployment"})
	if err != nil {
		return err
	}
	if err := expect(mapping.Resource.Version == "v1" && mapping.Resource.Resource == "deployments", "mapped to %v", mapping.Resource); err != nil {
		return err
	}
	expanded, err := restmapper.NewShortcutExpander(mapper, client, nil).ResourceFor(schema.GroupVersionResource{Resource: "deploy"})
	if err != nil {
		return err
	}
	return expect(expanded.Resource == "deployments", "deploy is %v", expanded)
}

func openAPI(_ context.Context, w *world) error {
	paths, err := w.client.Discovery().OpenAPIV3().Paths()
	if err != nil {
		return err
	}
	apps, found := paths["apis/apps/v1"]
	if !found {
		return fmt.Errorf("no apps/v1 among %d", len(paths))
	}
	body, err := apps.Schema("application/json")
	if err != nil {
		return err
	}
	var document struct {
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return err
	}
	if _, found := document.Components.Schemas["io.k8s.api.apps.v1.Deployment"]; !found {
		return fmt.Errorf("no Deployment among %d schemas", len(document.Components.Schemas))
	}
	second, err := w.client.Discovery().OpenAPISchema() // protobuf
	if err != nil {
		return err
	}
	return expect(len(second.GetDefinitions().GetAdditionalProperties()) > 500 && second.GetSwagger() == "2.0",
		"%d definitions", len(second.GetDefinitions().GetAdditionalProperties()))
}

func table(ctx context.Context, w *world) error {
	if _, err := w.pod(ctx, "table"); err != nil {
		return err
	}
	body, err := w.client.CoreV1().RESTClient().Get().Namespace(w.namespace).Resource("pods").Param("labelSelector", "case=table").
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json").DoRaw(ctx)
	if err != nil {
		return err
	}
	table := &metav1.Table{}
	if err := json.Unmarshal(body, table); err != nil {
		return err
	}
	var names []string
	for _, column := range table.ColumnDefinitions {
		if column.Priority == 0 {
			names = append(names, column.Name)
		}
	}
	if err := expect(table.Kind == "Table" && slices.Equal(names, []string{"Name", "Ready", "Status", "Restarts", "Age"}) && len(table.Rows) == 1,
		"a %s of %v with %d rows", table.Kind, names, len(table.Rows)); err != nil {
		return err
	}
	object := &metav1.PartialObjectMetadata{}
	if err := json.Unmarshal(table.Rows[0].Object.Raw, object); err != nil {
		return err
	}
	cells := table.Rows[0].Cells
	return expect(cells[0] == "table" && cells[1] == "0/1" && cells[2] == "Pending" && object.Name == "table", "cells %v of %v", cells, object)
}

func metadataOnly(ctx context.Context, w *world) error {
	secret := &corev1.Secret{ObjectMeta: meta("metadata"), StringData: map[string]string{"password": "hidden"}}
	if _, err := w.client.CoreV1().Secrets(w.namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		return err
	}
	secrets := w.metadata.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(w.namespace)
	list, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "case=metadata"})
	if err != nil {
		return err
	}
	if err := expect(len(list.Items) == 1 && list.Items[0].Name == "metadata" && list.ResourceVersion != "", "listed %v", list); err != nil {
		return err
	}
	patched, err := secrets.Patch(ctx, "metadata", types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"1"}}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	if err := expect(patched.Annotations["a"] == "1", "patched %v", patched); err != nil {
		return err
	}
	watcher, err := secrets.Watch(ctx, metav1.ListOptions{LabelSelector: "case=metadata", ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	event := <-watcher.ResultChan()
	object, is := event.Object.(*metav1.PartialObjectMetadata)
	return expect(is && object.Annotations["a"] == "1", "watched %v", event)
}

func dynamicClient(ctx context.Context, w *world) error {
	deployments := w.dynamic.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace(w.namespace)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "dynamic", "labels": map[string]any{"case": "dynamic"}},
		"spec": map[string]any{
			"replicas": int64(0),
			"selector": map[string]any{"matchLabels": map[string]any{"app": "dynamic"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "dynamic"}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "web", "image": "web:1"}}},
			},
		},
	}}
	applied, err := deployments.Apply(ctx, "dynamic", object, metav1.ApplyOptions{FieldManager: "dynamic"})
	if err != nil {
		return err
	}
	policy, _, _ := unstructured.NestedString(applied.Object, "spec", "template", "spec", "restartPolicy")
	if err := expect(policy == "Always", "no defaults in %v", applied.Object["spec"]); err != nil {
		return err
	}
	_, err = deployments.Apply(ctx, "dynamic", object, metav1.ApplyOptions{FieldManager: "dynamic", DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err
	}
	if err := unstructured.SetNestedField(applied.Object, int64(1), "status", "observedGeneration"); err != nil {
		return err
	}
	updated, err := deployments.UpdateStatus(ctx, applied, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	observed, _, _ := unstructured.NestedInt64(updated.Object, "status", "observedGeneration")
	if err := expect(observed == 1, "observed %d", observed); err != nil {
		return err
	}
	scale, err := deployments.Get(ctx, "dynamic", metav1.GetOptions{}, "scale")
	if err != nil {
		return err
	}
	if err := expect(scale.GetKind() == "Scale", "a %s", scale.GetKind()); err != nil {
		return err
	}
	list, err := deployments.List(ctx, metav1.ListOptions{LabelSelector: "case=dynamic"})
	if err != nil {
		return err
	}
	if err := expect(len(list.Items) == 1 && list.GetKind() == "DeploymentList", "listed %d of %s", len(list.Items), list.GetKind()); err != nil {
		return err
	}
	invalid := object.DeepCopy()
	invalid.SetName("Dynamic_Invalid")
	_, err = deployments.Create(ctx, invalid, metav1.CreateOptions{})
	if err := refused("a name that is none", err, apierrors.IsInvalid); err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	if err := deployments.Delete(ctx, "dynamic", metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		return err
	}
	// Foreground waits for a collector of garbage; where none runs, the case takes its part.
	_, err = deployments.Patch(ctx, "dynamic", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	return eventually(ctx, func() error {
		_, err := deployments.Get(ctx, "dynamic", metav1.GetOptions{})
		return refused("what was deleted", err, apierrors.IsNotFound)
	})
}

// recordEvents does what every controller does to say something: an event, counted up when it comes again.
func recordEvents(ctx context.Context, w *world) error {
	object, err := w.configMap(ctx, meta("events"), nil)
	if err != nil {
		return err
	}
	sink := record.NewBroadcaster(record.WithContext(ctx))
	sink.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: w.client.CoreV1().Events(w.namespace)})
	defer sink.Shutdown()
	recorder := sink.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "clients-go"})
	for range 3 {
		recorder.Event(object, corev1.EventTypeWarning, "Tried", "the same again")
	}
	return eventually(ctx, func() error {
		list, err := w.client.CoreV1().Events(w.namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(object.UID)})
		if err != nil {
			return err
		}
		return expect(len(list.Items) == 1 && list.Items[0].Count == 3 && strings.HasPrefix(list.Items[0].Name, "events."), "events %v", list.Items)
	})
}
