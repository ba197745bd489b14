package web

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"palimpsest.dev/api"
)

// checkTime bounds the look at the parts that the server stands on.
const checkTime = 3 * time.Second

// live says that the process answers.
func (s *server) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, api.Health{Status: "ok", Version: s.Version})
}

// ready says whether requests can be served: database and object store answer.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	h := api.Health{Status: "ok", Version: s.Version, Checks: map[string]string{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for name, ping := range map[string]func(context.Context) error{"database": s.Documents.Ping, "objects": s.Objects.Ping} {
		wg.Go(func() {
			err := ping(ctx)
			mu.Lock()
			defer mu.Unlock()
			h.Checks[name] = "ok"
			if err != nil {
				s.Log.Warn("not ready", "part", name, "error", err)
				h.Status, h.Checks[name] = "unavailable", "does not answer"
			}
		})
	}
	wg.Wait()
	if h.Status == "ok" {
		writeJSON(w, http.StatusOK, h)
		return
	}
	w.Header().Set("Retry-After", "2")
	p := problem(http.StatusServiceUnavailable, api.CodeUnavailable, "`palimpsest doctor` looks for what is wrong", "not all parts answer")
	for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
		if h.Checks[name] != "ok" {
			p.Errors = append(p.Errors, api.ProblemField{Location: name, Message: h.Checks[name]})
		}
	}
	writeProblem(w, p)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Nothing can be done when the other side is gone.
	_ = json.NewEncoder(w).Encode(v)
}

// metrics counts requests for Prometheus, in its text format 0.0.4.
type metrics struct {
	version string
	start   time.Time

	mu       sync.Mutex
	requests map[requestKey]int64
	inFlight int64
	bytes    int64
}

// requestKey has few values: routes are counted by their pattern's first parts.
type requestKey struct {
	method string
	status int
}

func newMetrics(version string) *metrics {
	return &metrics{version: version, start: time.Now(), requests: map[requestKey]int64{}}
}

func (m *metrics) began() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight++
}

func (m *metrics) ended(r *http.Request, status int) {
	method := r.Method
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions}, method) {
		method = "other" // the sender chooses it, and may choose many
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight--
	m.requests[requestKey{method, status}]++
}

func (m *metrics) uploaded(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes += n
}

// serve writes the counters.
func (m *metrics) serve(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	say := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	m.mu.Lock()
	say("palimpsest_http_requests_total", "counter", "Requests answered.")
	keys := slices.SortedFunc(maps.Keys(m.requests), func(a, b requestKey) int {
		if a.method != b.method {
			return strings.Compare(a.method, b.method)
		}
		return a.status - b.status
	})
	for _, k := range keys {
		fmt.Fprintf(&b, "palimpsest_http_requests_total{method=%q,code=\"%d\"} %d\n", k.method, k.status, m.requests[k])
	}
	say("palimpsest_http_requests_in_flight", "gauge", "Requests being answered.")
	fmt.Fprintf(&b, "palimpsest_http_requests_in_flight %d\n", m.inFlight)
	say("palimpsest_upload_bytes_total", "counter", "Bytes of files received.")
	fmt.Fprintf(&b, "palimpsest_upload_bytes_total %d\n", m.bytes)
	m.mu.Unlock()
	say("palimpsest_start_time_seconds", "gauge", "When the server started, in seconds since 1970.")
	fmt.Fprintf(&b, "palimpsest_start_time_seconds %d\n", m.start.Unix())
	say("palimpsest_build_info", "gauge", "1, labelled with versions.")
	fmt.Fprintf(&b, "palimpsest_build_info{version=%q,go=%q} 1\n", m.version, runtime.Version())
	say("palimpsest_goroutines", "gauge", "Goroutines of the process.")
	fmt.Fprintf(&b, "palimpsest_goroutines %d\n", runtime.NumGoroutine())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(b.String())) // nothing can be done when the other side is gone
}
