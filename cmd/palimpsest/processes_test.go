package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/internal/locals3"
	"palimpsest.dev/internal/pgtest"
)

// startProcess starts the program as a process of its own and waits for a line
// of output that matches.
func startProcess(t *testing.T, env []string, ready *regexp.Regexp, args ...string) (cmd *exec.Cmd, match []string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(exe, args...)
	cmd.Env = append(append(os.Environ(), commandEnv+"=1"), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // gently, so that it leaves nothing behind; one that was killed or has ended is let be
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		if match = ready.FindStringSubmatch(sc.Text()); match != nil {
			return cmd, match
		}
	}
	cmd.Wait()
	t.Fatalf("%v does not start: %s", args, errs.String())
	return nil, nil
}

// Serving and working in processes of their own, one of which is killed in the
// middle of a page: another takes the page up, and every word is there once.
func TestServeAndWorkApart(t *testing.T) {
	t.Parallel()
	if testing.Short() || underRace {
		t.Skip("starts several processes and reads with the model")
	}
	s3, err := locals3.Start(t.Context(), locals3.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s3.Stop(context.Background()) })
	conf := s3.Config()
	env := []string{"DATABASE_URL=" + pgtest.Empty(t), "PALIMPSEST_S3_ENDPOINT=http://" + conf.Endpoint, "PALIMPSEST_S3_BUCKET=" + conf.Bucket,
		"PALIMPSEST_S3_ACCESS_KEY=" + conf.AccessKey, "PALIMPSEST_S3_SECRET_KEY=" + conf.SecretKey, "PALIMPSEST_MODEL=" + needModel(t)}
	startProcess(t, env, regexp.MustCompile("up to date"), "migrate")
	working := regexp.MustCompile("^Working: model mini")
	worker, _ := startProcess(t, env, working, "work")
	_, match := startProcess(t, env, regexp.MustCompile(`^Serving at (http://[0-9.:]+):`), "serve", "--listen", "127.0.0.1:0")
	server := match[1]

	file := filepath.Join(root(t), "samples", "ledger.tif")
	code, out, errs := runCommand("submit", "--json", "--server", server, file)
	var doc api.Document
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	client := &api.Client{BaseURL: server}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for begun := false; !begun; { // until the model reads a page
		pages, err := client.Pages(ctx, doc.ID, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pages.Pages {
			for _, r := range p.Runs {
				begun = begun || r.State != "queued"
			}
		}
		if !begun {
			time.Sleep(10 * time.Millisecond)
		}
	}
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	worker.Wait()
	startProcess(t, env, working, "work")
	end, err := client.Wait(ctx, doc.ID, nil)
	// A model that is still being trained may find its pages unreadable.
	if err != nil || end.Progress.States["done"]+end.Progress.States["unreadable"] != 2 {
		t.Fatalf("%v: %+v", err, end)
	}
	seen := map[[2]int]bool{}
	err = client.AllResults(ctx, doc.ID, "ocr", api.ResultQuery{Relation: "word"}, func(r api.Record) error {
		if place := [2]int{r.Page, r.Seq}; seen[place] {
			t.Errorf("twice: %+v", r)
		} else {
			seen[place] = true
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
