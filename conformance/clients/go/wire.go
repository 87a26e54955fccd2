package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"

	"k8s.io/client-go/rest"
)

// A wire is a way to the server that can be cut, and that remembers what was asked over it.
type wire struct {
	config  *rest.Config
	address string
	target  string

	lock     sync.Mutex
	listener net.Listener // none while it is cut
	streams  map[net.Conn]bool
	asked    []*http.Request
}

func newWire(config *rest.Config) (*wire, error) {
	server, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	w := &wire{address: "127.0.0.1:0", target: server.Host, streams: map[net.Conn]bool{}}
	if err := w.mend(); err != nil {
		return nil, err
	}
	w.config = rest.CopyConfig(config)
	w.config.Host = "https://" + w.address
	if w.config.ServerName == "" {
		w.config.ServerName = server.Hostname()
	}
	w.config.Wrap(func(inner http.RoundTripper) http.RoundTripper { return &recorder{inner, w} })
	return w, nil
}

func (w *wire) serve(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.target)
		if err != nil || !w.keep(near, far) {
			near.Close()
			continue
		}
		go pipe(near, far)
		go pipe(far, near)
	}
}

func pipe(to, from net.Conn) {
	io.Copy(to, from)
	to.Close()
	from.Close()
}

// keep remembers a connection, unless the wire is cut.
func (w *wire) keep(ends ...net.Conn) bool {
	w.lock.Lock()
	defer w.lock.Unlock()
	for _, end := range ends {
		if w.listener == nil {
			end.Close()
			continue
		}
		w.streams[end] = true
	}
	return w.listener != nil
}

// cut breaks all connections, and nobody can connect until the wire is mended.
func (w *wire) cut() {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.listener != nil {
		w.listener.Close()
		w.listener = nil
	}
	for end := range w.streams {
		end.Close()
	}
	clear(w.streams)
}

// mend lets clients connect, at the same address as ever.
func (w *wire) mend() error {
	w.lock.Lock()
	defer w.lock.Unlock()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		return err
	}
	w.address, w.listener = listener.Addr().String(), listener
	go w.serve(listener)
	return nil
}

// requests are what was asked since the last time.
func (w *wire) requests() []*http.Request {
	w.lock.Lock()
	defer w.lock.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

type recorder struct {
	inner http.RoundTripper
	wire  *wire
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.wire.lock.Lock()
	r.wire.asked = append(r.wire.asked, request)
	r.wire.lock.Unlock()
	return r.inner.RoundTrip(request)
}
