package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/utils/ptr"
)

// pod is one that no scheduler takes.
func (w *world) pod(ctx context.Context, name string) (*corev1.Pod, error) {
	pod := &corev1.Pod{
		ObjectMeta: meta(name),
		Spec: corev1.PodSpec{
			SchedulerName: "nobody",
			Containers:    []corev1.Container{{Name: "main", Image: "image:1"}},
		},
	}
	return w.client.CoreV1().Pods(w.namespace).Create(ctx, pod, metav1.CreateOptions{})
}

func scaleSubresource(ctx context.Context, w *world) error {
	deployments := w.client.AppsV1().Deployments(w.namespace)
	if _, err := deployments.Create(ctx, deployment("scale"), metav1.CreateOptions{}); err != nil {
		return err
	}
	scale, err := deployments.GetScale(ctx, "scale", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := expect(scale.Spec.Replicas == 0 && scale.Status.Selector == "app=scale", "the scale is %v", scale); err != nil {
		return err
	}
	old := scale.DeepCopy()
	scale.Spec.Replicas = 1
	if _, err := deployments.UpdateScale(ctx, "scale", scale, metav1.UpdateOptions{}); err != nil {
		return err
	}
	_, err = deployments.UpdateScale(ctx, "scale", old, metav1.UpdateOptions{})
	if err := refused("an old scale", err, apierrors.IsConflict); err != nil {
		return err
	}
	changed := &autoscalingv1.Scale{}
	err = w.client.AppsV1().RESTClient().Patch("application/merge-patch+json").Namespace(w.namespace).
		Resource("deployments").Name("scale").SubResource("scale").Body([]byte(`{"spec":{"replicas":0}}`)).Do(ctx).Into(changed)
	if err != nil {
		return err
	}
	read, err := deployments.Get(ctx, "scale", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return expect(*read.Spec.Replicas == 0 && read.Generation == 3, "left %d replicas, generation %d", *read.Spec.Replicas, read.Generation)
}

func eviction(ctx context.Context, w *world) error {
	pods := w.client.CoreV1().Pods(w.namespace)
	evict := func() error {
		// The client's own method waits and tries again when it is told that it is too early.
		return w.client.CoreV1().RESTClient().Post().MaxRetries(0).Namespace(w.namespace).
			Resource("pods").Name("eviction").SubResource("eviction").
			Body(&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "eviction"}}).Do(ctx).Error()
	}
	if err := refused("nobody's eviction", evict(), apierrors.IsNotFound); err != nil {
		return err
	}
	pod, err := w.pod(ctx, "eviction")
	if err != nil {
		return err
	}
	// What only waits for a node may always be evicted; this one runs.
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	if _, err := pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil {
		return err
	}
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: meta("eviction"),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: ptr.To(intstr.FromInt32(1)),
			Selector:     &metav1.LabelSelector{MatchLabels: map[string]string{"case": "eviction"}},
		},
	}
	budgets := w.client.PolicyV1().PodDisruptionBudgets(w.namespace)
	if _, err := budgets.Create(ctx, budget, metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := refused("against the budget", evict(), apierrors.IsTooManyRequests); err != nil {
		return err
	}
	if err := budgets.Delete(ctx, "eviction", metav1.DeleteOptions{}); err != nil {
		return err
	}
	err = w.client.PolicyV1().Evictions(w.namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: "eviction", Namespace: w.namespace}})
	if err != nil {
		return err
	}
	_, err = pods.Get(ctx, "eviction", metav1.GetOptions{})
	return refused("what was evicted", err, apierrors.IsNotFound)
}

func binding(ctx context.Context, w *world) error {
	pods := w.client.CoreV1().Pods(w.namespace)
	if _, err := w.pod(ctx, "binding"); err != nil {
		return err
	}
	to := func(node string) error {
		return pods.Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: "binding"},
			Target:     corev1.ObjectReference{Kind: "Node", Name: node},
		}, metav1.CreateOptions{})
	}
	if err := to("nowhere"); err != nil {
		return err
	}
	bound, err := pods.Get(ctx, "binding", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := expect(bound.Spec.NodeName == "nowhere", "bound to %q", bound.Spec.NodeName); err != nil {
		return err
	}
	if err := expect(slices.ContainsFunc(bound.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionTrue
	}), "not said to be scheduled: %v", bound.Status.Conditions); err != nil {
		return err
	}
	if err := refused("a second binding", to("elsewhere"), apierrors.IsConflict); err != nil {
		return err
	}
	// A node would have to say that it is gone; this takes it away at once.
	return pods.Delete(ctx, "binding", metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)})
}

func token(ctx context.Context, w *world) error {
	accounts := w.client.CoreV1().ServiceAccounts(w.namespace)
	account, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta("token")}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	request := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](3600)}}
	issued, err := accounts.CreateToken(ctx, "token", request, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if err := expect(time.Until(issued.Status.ExpirationTimestamp.Time) > 50*time.Minute, "ends %v", issued.Status.ExpirationTimestamp); err != nil {
		return err
	}
	bearer := rest.AnonymousClientConfig(w.config)
	bearer.BearerToken = issued.Status.Token
	as, err := kubernetes.NewForConfig(bearer)
	if err != nil {
		return err
	}
	review, err := as.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("system:serviceaccount:%s:token", w.namespace)
	if err := expect(review.Status.UserInfo.Username == name && review.Status.UserInfo.UID == string(account.UID),
		"the token's owner is %v", review.Status.UserInfo); err != nil {
		return err
	}
	asked := &authv1.TokenReview{Spec: authv1.TokenReviewSpec{Token: issued.Status.Token}}
	answered, err := w.client.AuthenticationV1().TokenReviews().Create(ctx, asked, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if err := expect(answered.Status.Authenticated && answered.Status.User.Username == name, "the review says %v", answered.Status); err != nil {
		return err
	}
	if err := accounts.Delete(ctx, "token", metav1.DeleteOptions{}); err != nil {
		return err
	}
	// Servers remember for some seconds whom they knew.
	return eventually(ctx, func() error {
		_, err := as.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authv1.SelfSubjectReview{}, metav1.CreateOptions{})
		return refused("a token whose owner is gone", err, apierrors.IsUnauthorized)
	})
}

func withoutNodes(ctx context.Context, w *world) error {
	if _, err := w.pod(ctx, "without-nodes"); err != nil {
		return err
	}
	pods := w.client.CoreV1().Pods(w.namespace)
	log, err := pods.GetLogs("without-nodes", &corev1.PodLogOptions{}).DoRaw(ctx)
	if err != nil {
		return err
	}
	if err := expect(len(log) == 0, "what never ran has said %q", log); err != nil {
		return err
	}
	_, err = pods.GetLogs("nobody", &corev1.PodLogOptions{}).DoRaw(ctx)
	if err := refused("logs of nobody", err, apierrors.IsNotFound); err != nil {
		return err
	}
	client := w.client.CoreV1().RESTClient()
	exec := client.Post().Namespace(w.namespace).Resource("pods").Name("without-nodes").SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: "main", Command: []string{"true"}, Stdout: true}, scheme.ParameterCodec)
	options := remotecommand.StreamOptions{Stdout: &bytes.Buffer{}}
	overSpdy, err := remotecommand.NewSPDYExecutor(w.config, http.MethodPost, exec.URL())
	if err != nil {
		return err
	}
	if err := namesNoHost("exec over SPDY", overSpdy.StreamWithContext(ctx, options)); err != nil {
		return err
	}
	overWebSocket, err := remotecommand.NewWebSocketExecutor(w.config, http.MethodGet, exec.URL().String())
	if err != nil {
		return err
	}
	if err := namesNoHost("exec over WebSocket", overWebSocket.StreamWithContext(ctx, options)); err != nil {
		return err
	}
	forward := client.Post().Namespace(w.namespace).Resource("pods").Name("without-nodes").SubResource("portforward")
	transport, upgrader, err := spdy.RoundTripperFor(w.config)
	if err != nil {
		return err
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, forward.URL())
	forwarder, err := portforward.New(dialer, []string{"0:80"}, ctx.Done(), make(chan struct{}), nil, nil)
	if err != nil {
		return err
	}
	return namesNoHost("port-forward", forwarder.ForwardPorts())
}

func namesNoHost(what string, err error) error {
	if err == nil {
		return fmt.Errorf("%s: went well without a node", what)
	}
	return expect(strings.Contains(err.Error(), "does not have a host assigned"), "%s: %v", what, err)
}
