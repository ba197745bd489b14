package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/internal/pgtest"
	"palimpsest.dev/store"
)

var _ Sources = (*store.Store)(nil)

// overSources serves the routes of sources over a real database; folders below /data may be read.
func overSources(t *testing.T) (*api.Client, *store.Store) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), pgtest.DSN(t), store.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	look := func(_ context.Context, location, credentials string) (string, error) {
		switch {
		case location == "/data/broken":
			return "", errors.New("a secret reason")
		case !strings.HasPrefix(location, "/data"):
			return "", problem(http.StatusUnprocessableEntity, api.CodeBadInput, "ask the operator", "folder %q may not be read", location)
		}
		return strings.TrimSuffix(location, "/"), nil
	}
	h, err := New(Config{Documents: db, Objects: newFake(), Tasks: fakeTasks{}, Sources: db, CheckSource: look, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &api.Client{BaseURL: srv.URL, HTTP: srv.Client(), Delay: 10 * time.Millisecond}, db
}

func TestSourcesOverHTTP(t *testing.T) {
	t.Parallel()
	c, _ := overSources(t)
	ctx := t.Context()
	src, err := c.AddSource(ctx, api.NewSource{Location: "/data/box 1/", Cron: "0 2 * * *"})
	if err != nil || src.Name != "data-box-1" || src.Location != "/data/box 1" || len(src.Tasks) != 1 || src.Tasks[0] != "ocr" || src.Next.IsZero() || src.Last != nil {
		t.Fatalf("%+v, %v", src, err)
	}
	if src, err = c.PauseSource(ctx, src.Name); err != nil || !src.Paused || !src.Next.IsZero() {
		t.Errorf("%+v, %v", src, err)
	}
	if src, err = c.ResumeSource(ctx, src.Name); err != nil || src.Paused || src.Next.IsZero() {
		t.Errorf("%+v, %v", src, err)
	}
	if src, err = c.ScanSource(ctx, src.Name); err != nil || src.Open == nil || src.Open.State != "queued" || src.Open.Reason != "request" || src.Open.Final() {
		t.Fatalf("%+v, %v", src, err)
	}
	first := src.Open.ID
	if src, err = c.ScanSource(ctx, src.Name); err != nil || src.Open.ID != first {
		t.Errorf("a scan asked for twice: %+v, %v", src.Open, err)
	}
	list, err := c.Sources(ctx)
	if err != nil || len(list.Sources) != 1 || list.Sources[0].Open.ID != first {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := c.RemoveSource(ctx, src.Name); err != nil {
		t.Error(err)
	}
	for name, call := range map[string]func() error{
		"get":    func() error { _, err := c.Source(ctx, src.Name); return err },
		"scan":   func() error { _, err := c.ScanSource(ctx, src.Name); return err },
		"pause":  func() error { _, err := c.PauseSource(ctx, src.Name); return err },
		"remove": func() error { _, err := c.RemoveSource(ctx, src.Name); return err },
		"odd":    func() error { _, err := c.Source(ctx, "no/such name"); return err },
	} {
		if p := problemFrom(t, call()); p.Code != api.CodeNotFound || p.Hint == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// What one scan found and what failed in it comes out as it is stored.
func TestSourceTellsItsScans(t *testing.T) {
	t.Parallel()
	c, db := overSources(t)
	ctx := t.Context()
	src, err := c.AddSource(ctx, api.NewSource{Name: "in", Location: "/data", Cron: "@daily", Options: map[string]string{"text_layer": "use"}})
	if err != nil || src.Options["text_layer"] != "use" {
		t.Fatalf("%+v, %v", src, err)
	}
	if _, err := c.ScanSource(ctx, "in"); err != nil {
		t.Fatal(err)
	}
	status, _, err := db.Source(ctx, "", "in", 0)
	if err != nil {
		t.Fatal(err)
	}
	scan, of, err := db.BeginScan(ctx, status.Open.ID)
	if err != nil {
		t.Fatal(err)
	}
	var found []store.Sighting
	for i := range shownFailures + 5 {
		found = append(found, store.Sighting{SourceObject: store.SourceObject{Key: fmt.Sprintf("%02d.pdf", i), Version: "v", Bytes: 9,
			Failure: &store.Failure{Kind: store.KindTooLarge, Message: "too large", Hint: "split it", Limit: "file_bytes"}}})
	}
	if _, err := db.CommitScanStep(ctx, of, scan, store.ScanStep{Found: found, Skipped: []string{"x"}, Seconds: 2}); err != nil {
		t.Fatal(err)
	}
	src, err = c.Source(ctx, "in")
	if err != nil || src.Open == nil || src.Open.State != "running" || src.Open.Seen != shownFailures+6 || src.Open.Failed != shownFailures+5 ||
		src.Open.Skipped != 1 || src.Open.Seconds != 2 || src.Failing != shownFailures+5 || len(src.Failures) != shownFailures {
		t.Fatalf("%+v, %v", src, err)
	}
	if f := src.Failures[0]; f.Key != "00.pdf" || f.Failure.Kind != "too_large" || f.Failure.Hint != "split it" || f.Failure.Limit != "file_bytes" {
		t.Errorf("%+v", f.Failure)
	}
}

func TestWrongSourcesAreProblems(t *testing.T) {
	t.Parallel()
	c, _ := overSources(t)
	good := api.NewSource{Name: "taken", Location: "/data", Cron: "0 2 * * *", Tasks: []string{"ocr"}}
	if _, err := c.AddSource(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*api.NewSource){
		"conflict choose another name":         func(*api.NewSource) {},
		"bad_input five fields":                func(n *api.NewSource) { n.Name, n.Cron = "other", "every night" },
		"bad_input a name has up to 63":        func(n *api.NewSource) { n.Name = "Upper case" },
		"bad_input ask the operator":           func(n *api.NewSource) { n.Name, n.Location = "other", "/etc" },
		"bad_input no task":                    func(n *api.NewSource) { n.Name, n.Tasks = "other", []string{"dance"} },
		"bad_input length":                     func(n *api.NewSource) { n.Name, n.Cron = "other", strings.Repeat("1,", 300) },
		"bad_input name of a setting":          func(n *api.NewSource) { n.Name, n.Credentials = "other", "x=y" },
		"internal something failed that shoul": func(n *api.NewSource) { n.Name, n.Location = "other", "/data/broken" },
	} {
		n := good
		change(&n)
		_, err := c.AddSource(t.Context(), n)
		p := problemFrom(t, err)
		code, words, _ := strings.Cut(want, " ")
		if p.Code != code || !strings.Contains(p.Error(), words) || strings.Contains(p.Error(), "secret") {
			t.Errorf("%s: %s %v", want, p.Code, p)
		}
	}
	for _, body := range []string{`{`, `{"location":"/data"}`, `{"location":"/data","cron":"@daily","colour":"red"}`, `{"location":7,"cron":"@daily"}`} {
		resp, err := c.HTTP.Post(c.BaseURL+"/v1/sources", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode < 400 || resp.StatusCode > 499 || !strings.Contains(string(answer), `"code":"bad_input"`) {
			t.Errorf("%s: %d %s", body, resp.StatusCode, answer)
		}
	}
	// Another site's page may neither add nor remove.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, c.BaseURL+"/v1/sources/taken", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://elsewhere.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("removing from another site: %d", resp.StatusCode)
	}
}

// Without sources there are no routes, and the others work.
func TestServerWithoutSources(t *testing.T) {
	t.Parallel()
	h, err := New(Config{Documents: newFake(), Objects: newFake(), Tasks: fakeTasks{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	resp, err := srv.Client().Get(srv.URL + "/v1/sources")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("%d", resp.StatusCode)
	}
}
