package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func client(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &Client{BaseURL: srv.URL + "/", HTTP: srv.Client(), Delay: time.Millisecond, Retries: 3}
}

func writeJSON(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

// A server that is not available for a moment is asked again; every attempt at one
// submission carries the same key and the whole content.
func TestSubmitIsRetriedUnderOneKey(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	keys := map[string]bool{}
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		keys[r.Header.Get("Idempotency-Key")] = true
		file, head, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		content, _ := io.ReadAll(file)
		if head.Filename != "ä b.pdf" || string(content) != "content" || r.FormValue("option") != "a=b" || r.FormValue("task") != "ocr" {
			t.Errorf("%q %q %v", head.Filename, content, r.Form)
		}
		if n.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		writeJSON(w, Document{ID: "1"})
	})
	doc, err := c.Submit(t.Context(), Submission{Name: "ä b.pdf", Tasks: []string{"ocr"}, Options: map[string]string{"a": "b"},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("content")), nil }})
	if err != nil || doc.ID != "1" || n.Load() != 3 || len(keys) != 1 || keys[""] {
		t.Errorf("%+v, %v, %d attempts, keys %v", doc, err, n.Load(), keys)
	}
}

// What the server refuses is not tried again, and its problem comes through.
func TestProblemsAreNotRetried(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		w.WriteHeader(http.StatusConflict)
		writeJSON(w, Problem{Title: "Conflict", Status: 409, Code: CodeFinal, Detail: "it has ended", Hint: "submit it again"})
	})
	_, err := c.Cancel(t.Context(), "x")
	var p *Problem
	if !errors.As(err, &p) || p.Code != CodeFinal || n.Load() != 1 || !strings.Contains(err.Error(), "submit it again") {
		t.Errorf("%v after %d attempts", err, n.Load())
	}
}

// A proxy's page, a redirect to a log-in, half an answer: all are errors with advice.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "html"):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<html>no</html>")
		case strings.HasSuffix(r.URL.Path, "half"):
			fmt.Fprint(w, `{"id":`)
		}
	})
	_, err := c.Document(t.Context(), "html")
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusForbidden || p.Hint == "" {
		t.Errorf("%v", err)
	}
	if _, err := c.Document(t.Context(), "half"); err == nil {
		t.Error("half an answer is no document")
	}
}

func TestGiveUpWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := c.Document(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	c.BaseURL = "http://127.0.0.1:1"
	if err := c.Ready(t.Context()); err == nil {
		t.Error("nobody is there")
	}
}

// Waiting survives streams that break off, and ends when the caller says so.
func TestWait(t *testing.T) {
	t.Parallel()
	var streams, looks atomic.Int32
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			n := streams.Add(1)
			fmt.Fprintf(w, ": hello\n\ndata: {\"document\":\"x\",\"state\":\"running\",\ndata: \"page\":%d}\n\n", n)
			if n == 3 {
				fmt.Fprint(w, "event: end\ndata: {}\n\n")
			}
			return
		}
		state := "running"
		if looks.Add(1) > 3 {
			state = "partial"
		}
		writeJSON(w, Document{ID: "x", State: state})
	})
	pages := 0
	doc, err := c.Wait(t.Context(), "x", func(e Event) error { pages += e.Page; return nil })
	if err != nil || doc.State != "partial" || pages != 1+2+3 {
		t.Errorf("%s, %v, pages %d", doc.State, err, pages)
	}
	looks.Store(0)
	enough := errors.New("enough")
	if _, err := c.Wait(t.Context(), "x", func(Event) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("data: {\"state\":\"done\"}\n\nevent: end\ndata: {}\n\n")
	f.Add(": comment\r\ndata\n\ndata: x\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		err := readEvents(strings.NewReader(s), func(Event) error { n++; return nil })
		if err == nil && !strings.Contains(s, "end") {
			t.Error("a stream without end ended well")
		}
		if n > len(s) {
			t.Errorf("%d events from %d bytes", n, len(s))
		}
	})
}

// TestDownload begins anew when a connection breaks, and takes no link that
// leads to another server.
func TestDownload(t *testing.T) {
	t.Parallel()
	attempts := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if attempts++; attempts == 1 {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half of")
			return
		}
		_, _ = io.WriteString(w, "whole")
	}))
	defer server.Close()
	c := &Client{BaseURL: server.URL, Delay: time.Millisecond}
	var got strings.Builder
	begin := func() (io.Writer, error) { got.Reset(); return &got, nil }
	if err := c.Download(t.Context(), "/v1/x", begin); err != nil || got.String() != "whole" || attempts != 2 {
		t.Errorf("%q after %d attempts, %v", got.String(), attempts, err)
	}
	if err := c.Download(t.Context(), "@elsewhere/x", begin); err == nil || attempts != 2 {
		t.Errorf("a link to another server: %v", err)
	}
	full := errors.New("disk full")
	if err := c.Download(t.Context(), "/v1/x", func() (io.Writer, error) { return nil, full }); !errors.Is(err, full) || attempts != 3 {
		t.Errorf("%v after %d attempts: writing is not tried again", err, attempts)
	}
}
