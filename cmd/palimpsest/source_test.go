package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/ingest/sources"
)

// A folder and a bucket of one machine, from the command line to the words that were read.
func TestUpReadsItsSources(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts Postgres, object store, model and plugins")
	}
	top := openFolder(t)
	scans := filepath.Join(top, "scans")
	old := time.Now().Add(-time.Hour)
	take := func(sample, as string) {
		t.Helper()
		from, err := os.Open(filepath.Join(root(t), "samples", sample))
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		if err := os.MkdirAll(filepath.Join(scans, filepath.Dir(as)), 0o755); err != nil {
			t.Fatal(err)
		}
		to, err := os.Create(filepath.Join(scans, as))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(to, from); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(to.Close(), os.Chtimes(to.Name(), old, old)); err != nil {
			t.Fatal(err)
		}
	}
	take("handbook.pdf", "box 1/handbook.pdf")
	up := startUp(t, filepath.Join(top, "state"), "--source-root", scans)
	if out := up.run(t, exitOK, "source", "list"); !strings.Contains(out, "no sources") {
		t.Errorf("nothing added: %s", out)
	}
	up.run(t, exitOK, "source", "add", scans, "--cron", "0 2 * * *", "--task", "ocr", "--option", "text_layer=use", "--name", "boxes")
	for want, args := range map[string][]string{
		"--source-root":        {top, "--cron", "@daily"},
		"five fields":          {scans, "--cron", "nightly"},
		"no task":              {scans, "--cron", "@daily", "--task", "dance"},
		"there is no bucket":   {"s3://nowhere", "--cron", "@daily"},
		"own objects":          {"s3://palimpsest/documents", "--cron", "@daily"},
		"PALIMPSEST_SOURCE_AT": {"s3://archive", "--cron", "@daily", "--credentials", "AT"},
	} {
		if out := up.run(t, exitUsage, append([]string{"source", "add", "--name", "wrong"}, args...)...); !strings.Contains(out, want) {
			t.Errorf("%v: %s", args, out)
		}
	}
	if out := up.run(t, exitFailed, "source", "add", scans, "--cron", "@daily", "--name", "boxes"); !strings.Contains(out, "choose another name") {
		t.Errorf("a name twice: %s", out)
	}
	if out := up.run(t, exitOK, "source", "scan", "--now", "--wait"); !strings.Contains(out, "complete") || !strings.Contains(out, "1 seen, 1 new") {
		t.Errorf("first scan: %s", out)
	}
	take("handbook.pdf", "box 2/the same.pdf")
	if out := up.run(t, exitOK, "source", "scan", "--wait", "boxes"); !strings.Contains(out, "2 seen, 0 new, 0 changed, 1 duplicate, 1 unchanged") {
		t.Errorf("second scan: %s", out)
	}
	if out := up.run(t, exitOK, "source", "list"); !strings.Contains(out, `cron "0 2 * * *", next `) || !strings.Contains(out, " 02:00 UTC; 2 objects") {
		t.Errorf("list: %s", out)
	}
	var src api.Source
	if err := json.Unmarshal([]byte(up.run(t, exitOK, "source", "list", "--json", "boxes")), &src); err != nil || src.Last == nil || src.Last.Duplicate != 1 {
		t.Errorf("%+v, %v", src, err)
	}
	list, err := (&api.Client{BaseURL: up.address}).Documents(t.Context(), "", 10)
	if err != nil || len(list.Documents) != 1 || list.Documents[0].Name != "handbook.pdf" {
		t.Fatalf("documents: %+v, %v", list, err)
	}
	end, err := (&api.Client{BaseURL: up.address}).Wait(t.Context(), list.Documents[0].ID, nil)
	if err != nil || end.State != "complete" || end.Pages != 3 {
		t.Errorf("%+v, %v", end, err)
	}
	if out := up.run(t, exitOK, "source", "pause", "boxes"); !strings.Contains(out, "paused") {
		t.Errorf("pause: %s", out)
	}
	if out := up.run(t, exitOK, "source", "scan", "--wait"); out != "" {
		t.Errorf("all that are not paused: %s", out)
	}
	if out := up.run(t, exitOK, "source", "resume", "boxes"); strings.Contains(out, "paused") {
		t.Errorf("resume: %s", out)
	}
	up.run(t, exitOK, "source", "remove", "boxes")
	if out := up.run(t, exitFailed, "source", "list", "boxes"); !strings.Contains(out, "not found") {
		t.Errorf("removed: %s", out)
	}
	if out := up.run(t, exitOK, "status", end.ID); !strings.Contains(out, "complete") {
		t.Errorf("the document of a source that was removed: %s", out)
	}
	up.stop(t, os.Interrupt)
}

func TestSourceServersComeFromTheirOwnVariables(t *testing.T) {
	t.Setenv("PALIMPSEST_SOURCE_ARCHIVE_ENDPOINT", "https://s3.example:9000")
	t.Setenv("PALIMPSEST_SOURCE_ARCHIVE_ACCESS_KEY", "key")
	t.Setenv("PALIMPSEST_SOURCE_ARCHIVE_SECRET_KEY", "secret")
	t.Setenv("PALIMPSEST_SOURCE_PLAIN_ENDPOINT", "10.0.0.1:9000")
	if got, err := sourceServer("ARCHIVE"); err != nil || got != (sources.S3{Endpoint: "s3.example:9000", AccessKey: "key", SecretKey: "secret", Secure: true}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := sourceServer("PLAIN"); err != nil || got != (sources.S3{Endpoint: "10.0.0.1:9000"}) {
		t.Errorf("%+v, %v", got, err)
	}
	var wrong *sources.Error
	if _, err := sourceServer("MISSING"); !errors.As(err, &wrong) || !strings.Contains(wrong.Hint, "PALIMPSEST_SOURCE_MISSING_ENDPOINT") {
		t.Errorf("%v", err)
	}
}
