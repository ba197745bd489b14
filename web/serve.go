package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Limits of connections. There is none on a whole request or answer, since both may be
// long; uploads and events have limits on standing still.
const (
	headerTime     = 10 * time.Second
	idleTime       = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	drainTime      = 5 * time.Second
)

// closing is the key under which a request's context carries the server's end, for
// handlers that would otherwise go on as long as the other side listens.
type closing struct{}

// ends is closed when the server that the request came to is ending; nil means never.
func ends(request context.Context) <-chan struct{} {
	done, _ := request.Value(closing{}).(<-chan struct{})
	return done
}

// Serve answers on a listener until ctx ends, then lets running requests finish for a
// moment. Streams of events end at once; who listens connects again.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	requests := context.WithValue(context.WithoutCancel(ctx), closing{}, ctx.Done())
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes,
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(requests, drainTime)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		_ = srv.Close() // what did not finish in time is cut off
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
