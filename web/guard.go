package web

import (
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"palimpsest.dev/api"
)

// contentPolicy lets the page use nothing but what this server gives.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// guard stands before every handler: it refuses what comes under a wrong name or from
// another site's page, sets the headers that keep browsers strict, counts, and turns a
// panic into an answer.
func (s *server) guard(next http.Handler) http.Handler {
	sameSite := http.NewCrossOriginProtection()
	sameSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, problem(http.StatusForbidden, api.CodeForbidden, "open this server's own page, or use the command line",
			"a request from another site may not change anything here (origin %.100q)", r.Header.Get("Origin")))
	}))
	inner := sameSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		counted := &statusWriter{ResponseWriter: w}
		start := time.Now()
		s.metrics.began()
		defer func() {
			if e := recover(); e != nil {
				if err, ok := e.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(e) // the server's own way to break a connection off
				}
				s.Log.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "panic", e, "stack", string(debug.Stack()))
				if counted.status == 0 {
					writeProblem(counted, problem(http.StatusInternalServerError, api.CodeInternal, "the server's log says more", "something failed that should not"))
				}
			}
			s.metrics.ended(r, counted.status)
			s.Log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", counted.status, "seconds", time.Since(start).Seconds())
		}()
		if !s.knows(r.Host) {
			writeProblem(counted, problem(http.StatusForbidden, api.CodeForbidden, "use a loopback address such as http://127.0.0.1, or name the host when starting the server",
				"this server does not answer to the name %.100q", r.Host))
			return
		}
		inner.ServeHTTP(counted, r)
	})
}

// knows says whether a request's Host names this machine's loopback or a configured host.
func (s *server) knows(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return true
	}
	return slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(h, name) || strings.EqualFold(h, host) })
}

// statusWriter remembers the status. Unwrap lets http.ResponseController reach what is
// below.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
