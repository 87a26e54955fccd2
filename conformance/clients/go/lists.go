package main

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	accessor "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/pager"
)

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// numbered makes so many objects of a case.
func (w *world) numbered(ctx context.Context, name string, count int) error {
	for i := range count {
		of := metav1.ObjectMeta{Name: fmt.Sprintf("%s-%03d", name, i), Labels: map[string]string{"case": name}}
		if _, err := w.configMap(ctx, of, map[string]string{"number": fmt.Sprint(i)}); err != nil {
			return err
		}
	}
	return nil
}

func pages(ctx context.Context, w *world) error {
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	if err := w.numbered(ctx, "pages", 25); err != nil {
		return err
	}
	options := metav1.ListOptions{LabelSelector: "case=pages", Limit: 10}
	var names []string
	var revision string
	for page := 0; ; page++ {
		list, err := maps.List(ctx, options)
		if err != nil {
			return err
		}
		for _, item := range list.Items {
			names = append(names, item.Name)
		}
		if page == 0 {
			revision = list.ResourceVersion
			// Pages are of one revision: what comes and goes now is not seen.
			if err := w.numbered(ctx, "pages-later", 1); err != nil {
				return err
			}
			if err := maps.Delete(ctx, "pages-024", metav1.DeleteOptions{}); err != nil {
				return err
			}
		}
		if err := expect(list.ResourceVersion == revision, "page %d is of another revision", page); err != nil {
			return err
		}
		if list.Continue == "" {
			break
		}
		if err := expect(len(list.Items) == 10, "page %d has %d", page, len(list.Items)); err != nil {
			return err
		}
		options.Continue = list.Continue
	}
	if err := expect(len(names) == 25 && slices.IsSorted(names) && len(slices.Compact(names)) == 25, "read %v", names); err != nil {
		return err
	}
	whole, err := maps.List(ctx, metav1.ListOptions{Limit: 3})
	if err != nil {
		return err
	}
	if err := expect(whole.RemainingItemCount != nil && *whole.RemainingItemCount >= 21, "remaining: %v", whole.RemainingItemCount); err != nil {
		return err
	}
	_, err = maps.List(ctx, metav1.ListOptions{Limit: 3, Continue: "no token"})
	if err := refused("a continue token that is none", err, apierrors.IsBadRequest); err != nil {
		return err
	}
	return pagesOfPager(ctx, w)
}

func pagesOfPager(ctx context.Context, w *world) error {
	read := 0
	by := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		return w.client.CoreV1().ConfigMaps(w.namespace).List(ctx, options)
	}))
	by.PageSize = 7
	err := by.EachListItem(ctx, metav1.ListOptions{LabelSelector: "case=pages"}, func(object runtime.Object) error {
		_, err := accessor.Accessor(object)
		read++
		return err
	})
	if err != nil {
		return err
	}
	return expect(read == 24, "the pager read %d", read)
}

func selectors(ctx context.Context, w *world) error {
	for name, labels := range map[string]map[string]string{
		"selectors-a": {"case": "selectors", "tier": "front"},
		"selectors-b": {"case": "selectors", "tier": "back"},
		"selectors-c": {"case": "selectors"},
	} {
		if _, err := w.configMap(ctx, metav1.ObjectMeta{Name: name, Labels: labels}, nil); err != nil {
			return err
		}
	}
	for selector, count := range map[string]int{
		"case=selectors":                       3,
		"case=selectors,tier":                  2,
		"case=selectors,!tier":                 1,
		"case=selectors,tier in (front, back)": 2,
		"case=selectors,tier notin (front)":    2,
		"case=selectors,tier!=front":           2,
	} {
		list, err := w.client.CoreV1().ConfigMaps(w.namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		if err := expect(len(list.Items) == count, "%s: %d", selector, len(list.Items)); err != nil {
			return err
		}
	}
	list, err := w.client.CoreV1().ConfigMaps("").List(ctx, metav1.ListOptions{
		FieldSelector: "metadata.name=selectors-b,metadata.namespace=" + w.namespace})
	if err != nil {
		return err
	}
	if err := expect(len(list.Items) == 1, "by fields: %d", len(list.Items)); err != nil {
		return err
	}
	_, err = w.client.CoreV1().ConfigMaps(w.namespace).List(ctx, metav1.ListOptions{FieldSelector: "data.a=1"})
	if err := refused("a field that is none", err, apierrors.IsBadRequest); err != nil {
		return err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "selectors"}, Type: "example.com/kind"}
	if _, err := w.client.CoreV1().Secrets(w.namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
		return err
	}
	secrets, err := w.client.CoreV1().Secrets(w.namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=example.com/kind"})
	if err != nil {
		return err
	}
	return expect(len(secrets.Items) == 1, "secrets of the type: %d", len(secrets.Items))
}
