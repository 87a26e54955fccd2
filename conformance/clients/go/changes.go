package main

import (
	"context"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/ptr"
)

func deployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: meta(name),
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](0),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web:1"}, {Name: "side", Image: "side:1"}}},
			},
		},
	}
}

func patches(ctx context.Context, w *world) error {
	deployments := w.client.AppsV1().Deployments(w.namespace)
	if _, err := deployments.Create(ctx, deployment("patches"), metav1.CreateOptions{}); err != nil {
		return err
	}
	patch := func(kind types.PatchType, body string) (*appsv1.Deployment, error) {
		return deployments.Patch(ctx, "patches", kind, []byte(body), metav1.PatchOptions{})
	}
	strategic, err := patch(types.StrategicMergePatchType,
		`{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:2"}]}}}}`)
	if err != nil {
		return err
	}
	containers := strategic.Spec.Template.Spec.Containers
	if err := expect(len(containers) == 2 && containers[0].Image == "web:2" && strategic.Generation == 2,
		"the strategic patch left %v", containers); err != nil {
		return err
	}
	merged, err := patch(types.MergePatchType, `{"metadata":{"labels":{"case":null,"more":"1"}},
		"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:3"}]}}}}`)
	if err != nil {
		return err
	}
	containers = merged.Spec.Template.Spec.Containers
	if err := expect(len(containers) == 1 && containers[0].Image == "web:3" && len(merged.Labels) == 1 && merged.Labels["more"] == "1",
		"the merge patch left %v %v", containers, merged.Labels); err != nil {
		return err
	}
	changed, err := patch(types.JSONPatchType, `[{"op":"test","path":"/metadata/labels/more","value":"1"},
		{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"web:4"},{"op":"remove","path":"/metadata/labels/more"}]`)
	if err != nil {
		return err
	}
	if err := expect(changed.Spec.Template.Spec.Containers[0].Image == "web:4" && len(changed.Labels) == 0,
		"the JSON patch left %v", changed); err != nil {
		return err
	}
	_, err = patch(types.JSONPatchType, `[{"op":"test","path":"/spec/replicas","value":7}]`)
	if err := refused("a test that fails", err, apierrors.IsInvalid); err != nil {
		return err
	}
	_, err = patch(types.MergePatchType, `{"spec":`)
	if err := refused("half a patch", err, apierrors.IsBadRequest); err != nil {
		return err
	}
	_, err = patch(types.MergePatchType, `{"metadata":{"resourceVersion":"1"}}`)
	if err := refused("a patch of an old revision", err, apierrors.IsConflict); err != nil {
		return err
	}
	_, err = patch("application/unknown", `{}`)
	return refused("a patch of no known kind", err, apierrors.IsUnsupportedMediaType)
}

func apply(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	as := func(manager string, force bool, data map[string]string) (*corev1.ConfigMap, error) {
		return maps.Apply(ctx, coreapply.ConfigMap("apply", w.namespace).WithData(data),
			metav1.ApplyOptions{FieldManager: manager, Force: force})
	}
	if _, err := as("one", false, map[string]string{"a": "1", "b": "1"}); err != nil {
		return err
	}
	_, err := as("two", false, map[string]string{"a": "2"})
	if err := refused("another's field", err, apierrors.IsConflict); err != nil {
		return err
	}
	if err := expect(strings.Contains(err.Error(), `conflict with "one"`) && strings.Contains(err.Error(), ".data.a"),
		"the conflict says %v", err); err != nil {
		return err
	}
	if _, err := as("two", true, map[string]string{"a": "2"}); err != nil {
		return err
	}
	// What only one had, and has no more, goes; what two has taken stays.
	left, err := as("one", false, map[string]string{})
	if err != nil {
		return err
	}
	if err := expect(len(left.Data) == 1 && left.Data["a"] == "2", "left: %v", left.Data); err != nil {
		return err
	}
	extracted, err := coreapply.ExtractConfigMap(left, "two")
	if err != nil {
		return err
	}
	if err := expect(extracted.Data["a"] == "2", "two is said to have %v", extracted.Data); err != nil {
		return err
	}
	_, err = as("", false, nil)
	return refused("no manager", err, apierrors.IsInvalid)
}

func applyStatus(ctx context.Context, w *world) error {
	deployments := w.client.AppsV1().Deployments(w.namespace)
	wanted := appsapply.Deployment("apply-status", w.namespace).
		WithSpec(appsapply.DeploymentSpec().
			WithReplicas(0).
			WithSelector(metaapply.LabelSelector().WithMatchLabels(map[string]string{"app": "apply-status"})).
			WithTemplate(coreapply.PodTemplateSpec().
				WithLabels(map[string]string{"app": "apply-status"}).
				WithSpec(coreapply.PodSpec().WithContainers(coreapply.Container().WithName("web").WithImage("web:1")))))
	made, err := deployments.Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: "owner"})
	if err != nil {
		return err
	}
	status := appsapply.Deployment("apply-status", w.namespace).
		WithStatus(appsapply.DeploymentStatus().WithConditions(appsapply.DeploymentCondition().
			WithType("Tried").WithStatus(corev1.ConditionTrue).WithReason("Case")))
	changed, err := deployments.ApplyStatus(ctx, status, metav1.ApplyOptions{FieldManager: "judge"})
	if err != nil {
		return err
	}
	if err := expect(len(changed.Status.Conditions) >= 1 && changed.Generation == made.Generation,
		"the status is %v", changed.Status); err != nil {
		return err
	}
	for _, entry := range changed.ManagedFields {
		if entry.Manager == "judge" && entry.Subresource == "status" && entry.Operation == metav1.ManagedFieldsOperationApply {
			return nil
		}
	}
	return expect(false, "no manager of the status: %v", changed.ManagedFields)
}
