package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/ingest"
	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/store/blob"
)

// What a test tells the program it starts as a process of its own.
const (
	crashEnv   = "PALIMPSEST_TEST_CRASH"        // fail point at which it kills itself
	timeoutEnv = "PALIMPSEST_TEST_CALL_TIMEOUT" // callTimeout
	sweepEnv   = "PALIMPSEST_TEST_SWEEP"        // sweep, with a clock that is a week ahead, and end
)

// prepareChild makes this process what a test wants of it.
func prepareChild() {
	if point := os.Getenv(crashEnv); point != "" {
		failpoint.Arm(func(p failpoint.Point) {
			if string(p) == point {
				// Nothing of ours runs any more: no deferred call, no rollback, no farewell to a plugin.
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
	}
	if d, err := time.ParseDuration(os.Getenv(timeoutEnv)); err == nil {
		callTimeout = d
	}
	if os.Getenv(sweepEnv) != "" {
		if err := sweepOnce(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

func sweepOnce() error {
	ctx := context.Background()
	b, err := openSide(ctx, os.Getenv("DATABASE_URL"), blob.Config{
		Endpoint:  strings.TrimPrefix(os.Getenv("PALIMPSEST_S3_ENDPOINT"), "http://"),
		AccessKey: os.Getenv("PALIMPSEST_S3_ACCESS_KEY"), SecretKey: os.Getenv("PALIMPSEST_S3_SECRET_KEY"), Region: "us-east-1",
	}, os.Getenv("PALIMPSEST_S3_BUCKET"))
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = b.blobs.Sweep(ctx, b.store.Named, ingest.DefaultSweepAge)
	return err
}

// The points that a worker does not come to.
var (
	uploadPoints = []failpoint.Point{failpoint.UploadStored, failpoint.Submitted}
	sweepPoints  = []failpoint.Point{failpoint.SweepListed, failpoint.SweepRemoving, failpoint.SweepRemoved}
	// scanPoints are crashed at where sources are tested: in package ingest.
	scanPoints = []failpoint.Point{failpoint.ScanBegun, failpoint.ScanFetched, failpoint.ScanStepped, failpoint.ScanEnded}
)

// Processes kill themselves at every fail point there is, each with a document of its own on its way; others take up
// what they left. In the end rows and artifacts are those of a run that nobody disturbed. A point that is never reached
// fails the test, because its process then does not die.
func TestACrashAtEveryFailPointLosesNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("starts some thirty processes")
	}
	var load []file
	var points []failpoint.Point // of the documents in load
	for i, p := range failpoint.Points {
		if slices.Contains(sweepPoints, p) || slices.Contains(scanPoints, p) {
			continue
		}
		f := file{fmt.Sprintf("point-%02d.pdf", i), pdf(2, 200+uint64(i)), readIt, ""}
		switch {
		case strings.HasPrefix(string(p), "failure"):
			f.content = []byte(fmt.Sprintf("no document at all: %d", i))
		case p == failpoint.ObjectRenewing: // two pages that look the same
			f.content = bytes.ReplaceAll(f.content, []byte("Page 2"), []byte("Page 1"))
			f.content = samePages(f.content)
		}
		load, points = append(load, f), append(points, p)
	}
	w := newWorld(t, load)
	calmly := w.work(t, calm)
	w.exec(t, calm, letGo, "")
	w.finish(t, calm, calmly.out.String)
	calmly.stop(t)

	for i, p := range points {
		if slices.Contains(uploadPoints, p) {
			w.crashUpload(t, w.documents[i], p)
			continue
		}
		w.exec(t, storm, letGo, string(w.documents[i].id))
		w.crash(t, p, workArguments...)
	}
	w.exec(t, storm, letGo, "")
	last := w.work(t, storm)
	w.finish(t, storm, last.out.String)
	last.stop(t)
	want, got := w.digest(t, calm), w.digest(t, storm)
	for id, lines := range got {
		// Submitted anew, the documents of the upload's points have ids of their own: the others are compared.
		if want[id] == nil {
			delete(got, id)
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, `"state": "complete"`) }) {
				t.Errorf("submitted again, it is not complete: %v", lines)
			}
		}
	}
	t.Logf("%d points, digest %s", len(points), sameAs(t, got, want))

	for _, p := range sweepPoints {
		unnamed, err := w.blobs(t, storm, nil).PutBytes(t.Context(), []byte("nothing names this: "+string(p)), "text/plain")
		check(t, err)
		w.crash(t, p)
		t.Logf("%s: object %.8s", p, unnamed.Hash)
	}
	w.audit(t, storm)
	w.audit(t, calm)
}

// samePages gives every page of a document the content of its first one.
func samePages(content []byte) []byte {
	return regexp.MustCompile(`/Contents \d+ 0 R`).ReplaceAll(content, []byte("/Contents 5 0 R"))
}

// crash starts a process that dies at a point, and fails the test if it does not.
func (w *world) crash(t *testing.T, p failpoint.Point, args ...string) {
	t.Helper()
	env := []string{crashEnv + "=" + string(p)}
	if len(args) == 0 {
		env = append(env, sweepEnv+"=1")
	}
	child := w.start(t, storm, env, args...)
	select {
	case <-child.done:
	case <-time.After(patience):
		t.Fatalf("%q is never reached: %s", p, child.out)
	}
	if !child.killed() {
		t.Fatalf("%q is never reached: the process ended by itself, %v: %s", p, child.cmd.ProcessState, child.out)
	}
}

// crashUpload has the server die in the middle of an upload. The client, which got no answer, submits again with the
// same key, and then once more: there is one document.
func (w *world) crashUpload(t *testing.T, d document, p failpoint.Point) {
	t.Helper()
	serve := func(env ...string) (*program, *api.Client) {
		server := w.start(t, storm, env, "serve", "--listen", "127.0.0.1:0")
		return server, &api.Client{BaseURL: server.said(t, regexp.MustCompile(`^Serving at (http://[0-9.:]+):`))}
	}
	again := submission(d.file)
	again.IdempotencyKey = "again " + d.name
	server, client := serve(crashEnv + "=" + string(p))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() { <-server.done; cancel() }() // the client would try a dead server for long
	if doc, err := client.Submit(ctx, again); err == nil {
		t.Fatalf("%q is never reached: document %s was submitted", p, doc.ID)
	}
	<-server.done
	if !server.killed() {
		t.Fatalf("%q is never reached: %v: %s", p, server.cmd.ProcessState, server.out)
	}
	server, client = serve()
	defer server.stop(t)
	first, err := client.Submit(t.Context(), again)
	second, err2 := client.Submit(t.Context(), again)
	if err := errors.Join(err, err2); err != nil || first.ID != second.ID {
		t.Errorf("%q: submitted again: %s and %s, %v", p, first.ID, second.ID, err)
	}
	var n int
	check(t, w.pool(t, storm).QueryRow(t.Context(), "select count(*) from palimpsest.document where idempotency_key = $1", again.IdempotencyKey).Scan(&n))
	if n != 1 {
		t.Errorf("%q: %d documents of one key", p, n)
	}
}
