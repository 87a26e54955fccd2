package main

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/utils/ptr"
)

// next takes the next event. An error that the server sends is one here.
func next(ctx context.Context, watcher watch.Interface) (watch.Event, error) {
	select {
	case event, open := <-watcher.ResultChan():
		if !open {
			return event, errors.New("the watch ended")
		}
		if event.Type == watch.Error {
			return event, apierrors.FromObject(event.Object)
		}
		return event, nil
	case <-ctx.Done():
		return watch.Event{}, fmt.Errorf("no event: %w", ctx.Err())
	}
}

// nextIs takes the next event, which has to be of this type and object.
func nextIs(ctx context.Context, watcher watch.Interface, kind watch.EventType, name string) (*corev1.ConfigMap, error) {
	event, err := next(ctx, watcher)
	if err != nil {
		return nil, err
	}
	object, is := event.Object.(*corev1.ConfigMap)
	if !is || event.Type != kind || object.Name != name {
		return nil, fmt.Errorf("waited for %s %s, told %s %v", kind, name, event.Type, event.Object)
	}
	return object, nil
}

func (w *world) touch(ctx context.Context, name, value string) (*corev1.ConfigMap, error) {
	return w.client.CoreV1().ConfigMaps(w.namespace).Patch(ctx, name, types.MergePatchType,
		fmt.Appendf(nil, `{"data":{"value":%q}}`, value), metav1.PatchOptions{})
}

func watchFromRevision(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	first, err := w.configMap(ctx, meta("watch"), nil)
	if err != nil {
		return err
	}
	second, err := w.touch(ctx, "watch", "2")
	if err != nil {
		return err
	}
	watcher, err := maps.Watch(ctx, metav1.ListOptions{LabelSelector: "case=watch", ResourceVersion: first.ResourceVersion})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	told, err := nextIs(ctx, watcher, watch.Modified, "watch")
	if err != nil {
		return err
	}
	if err := expect(told.ResourceVersion == second.ResourceVersion, "told of %s", told.ResourceVersion); err != nil {
		return err
	}
	// An object that leaves what is selected is deleted for who selects, and added when it comes back.
	for _, step := range []struct {
		label string
		kind  watch.EventType
	}{{"other", watch.Deleted}, {"watch", watch.Added}} {
		_, err := maps.Patch(ctx, "watch", types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{"case":%q}}}`, step.label), metav1.PatchOptions{})
		if err != nil {
			return err
		}
		if _, err := nextIs(ctx, watcher, step.kind, "watch"); err != nil {
			return err
		}
	}
	if err := maps.Delete(ctx, "watch", metav1.DeleteOptions{}); err != nil {
		return err
	}
	if _, err := nextIs(ctx, watcher, watch.Deleted, "watch"); err != nil {
		return err
	}
	short, err := maps.Watch(ctx, metav1.ListOptions{LabelSelector: "case=watch", TimeoutSeconds: ptr.To[int64](1)})
	if err != nil {
		return err
	}
	defer short.Stop()
	_, err = next(ctx, short)
	return expect(err != nil && err.Error() == "the watch ended", "a watch of one second: %v", err)
}

// watchResume goes on by itself where a connection broke, and misses nothing.
func watchResume(ctx context.Context, w *world) error {
	wire, err := newWire(w.config)
	if err != nil {
		return err
	}
	defer wire.cut()
	client, err := kubernetes.NewForConfig(binary(wire.config))
	if err != nil {
		return err
	}
	start, err := w.configMap(ctx, meta("watch-resume"), nil)
	if err != nil {
		return err
	}
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, start.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = "case=watch-resume"
			return client.CoreV1().ConfigMaps(w.namespace).Watch(ctx, options)
		},
	})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for round := range 3 {
		wire.cut()
		for step := range 4 {
			value := fmt.Sprintf("%d.%d", round, step)
			if _, err := w.touch(ctx, "watch-resume", value); err != nil {
				return err
			}
		}
		if err := wire.mend(); err != nil {
			return err
		}
		for step := range 4 {
			told, err := nextIs(ctx, watcher, watch.Modified, "watch-resume")
			if err != nil {
				return err
			}
			value := fmt.Sprintf("%d.%d", round, step)
			if err := expect(told.Data["value"] == value, "told of %s instead of %s", told.Data["value"], value); err != nil {
				return err
			}
		}
	}
	return nil
}

// watchGone: nobody has the first revision any more, and whoever asks for it is told to list again.
func watchGone(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	watcher, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: "1"})
	if err == nil {
		defer watcher.Stop()
		_, err = next(ctx, watcher)
	}
	if err := refused("a watch of the first revision", err, func(err error) bool {
		return apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
	}); err != nil {
		return err
	}
	_, err = maps.List(ctx, metav1.ListOptions{ResourceVersion: "1", ResourceVersionMatch: metav1.ResourceVersionMatchExact})
	if err := refused("a list of the first revision", err, apierrors.IsResourceExpired); err != nil {
		return err
	}
	err = w.client.CoreV1().RESTClient().Get().MaxRetries(0).Namespace(w.namespace).Resource("configmaps").
		Param("resourceVersion", "999999999999").Param("resourceVersionMatch", "NotOlderThan").Do(ctx).Error()
	if err := refused("a list of the future", err, apierrors.IsTimeout); err != nil {
		return err
	}
	// What an informer does with that: it lists again, and goes on from there.
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "case=watch-gone"})
	if err != nil {
		return err
	}
	again, err := maps.Watch(ctx, metav1.ListOptions{LabelSelector: "case=watch-gone", ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	defer again.Stop()
	if _, err := w.configMap(ctx, meta("watch-gone"), nil); err != nil {
		return err
	}
	_, err = nextIs(ctx, again, watch.Added, "watch-gone")
	return err
}

// watchBookmarks: the initial events of a watch end with a bookmark that says so.
func watchBookmarks(ctx context.Context, w *world) error {
	if err := w.numbered(ctx, "watch-bookmarks", 3); err != nil {
		return err
	}
	watcher, err := w.client.CoreV1().ConfigMaps(w.namespace).Watch(ctx, metav1.ListOptions{
		LabelSelector:        "case=watch-bookmarks",
		AllowWatchBookmarks:  true,
		SendInitialEvents:    ptr.To(true),
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for i := range 3 {
		if _, err := nextIs(ctx, watcher, watch.Added, fmt.Sprintf("watch-bookmarks-%03d", i)); err != nil {
			return err
		}
	}
	mark, err := nextIs(ctx, watcher, watch.Bookmark, "")
	if err != nil {
		return err
	}
	return expect(mark.Annotations[metav1.InitialEventsAnnotationKey] == "true" && mark.ResourceVersion != "", "the bookmark is %v", mark.ObjectMeta)
}
