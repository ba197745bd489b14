package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/task/conformance"
	"palimpsest.dev/task/host"
)

// installed is a plugin that was built for the tests.
func installed() string {
	return filepath.Join(os.Getenv("PALIMPSEST_PLUGINS"), host.Prefix+"ocr")
}

func TestPluginsList(t *testing.T) {
	t.Parallel()
	code, out, errs := runCommand("plugins", "list")
	if code != exitOK || !strings.Contains(out, "ocr") || !strings.Contains(out, "word, line") || errs != "" {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	code, out, _ = runCommand("plugins", "list", "--json")
	var line pluginLine
	if err := json.Unmarshal([]byte(out), &line); code != exitOK || err != nil || line.Task != "ocr" || len(line.SHA256) != 64 ||
		len(line.Relations) != 2 || line.Relations[0].Columns[0].Summary == "" || len(line.Options) == 0 || line.Program != installed() {
		t.Errorf("exit %d, %+v, %v", code, line, err)
	}
}

// A program that does not start is told among the others.
func TestPluginsListTellsWhatIsBroken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, host.Prefix+"x"), []byte("#!/bin/sh\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(installed(), filepath.Join(dir, host.Prefix+"ocr")); err != nil {
		t.Fatal(err)
	}
	code, out, _ := runCommand("plugins", "list", "--plugins", dir, "--json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var sound, broken pluginLine
	if code != exitFailed || len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &sound) != nil || json.Unmarshal([]byte(lines[1]), &broken) != nil ||
		sound.Error != "" || !strings.Contains(broken.Error, "does not start") {
		t.Errorf("exit %d, %s", code, out)
	}
}

func TestPluginsTestSaysALineForEveryPromise(t *testing.T) {
	t.Parallel()
	code, out, errs := runCommand("plugins", "test", "--answer", "<loc0100><loc0100><loc0200><loc0300>a, b", installed())
	if code != exitOK || !strings.Contains(out, "12 promises kept, 0 broken, 0 skipped") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	for _, p := range conformance.Promises() {
		if !strings.Contains(out, "kept    "+p.Name) || !strings.Contains(out, p.Says) {
			t.Errorf("%s is missing in\n%s", p.Name, out)
		}
	}
}

// A broken promise is told with what broke it, by a program and by a command
// with arguments; what cannot be tested at all is another matter.
func TestPluginsTestFails(t *testing.T) {
	t.Parallel()
	naughty := filepath.Join(t.TempDir(), host.Prefix+"naughty")
	if out, err := exec.Command("go", "build", "-o", naughty, "../../task/host/testdata/naughty").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	code, out, _ := runCommand("plugins", "test", naughty, "mute")
	if code != exitFailed || !strings.Contains(out, "broken  Info") || !strings.Contains(out, "column word.text has no summary") ||
		!strings.Contains(out, "skipped Finish") || !strings.Contains(out, "10 promises kept, 1 broken, 1 skipped") {
		t.Errorf("exit %d, %s", code, out)
	}
	code, out, _ = runCommand("plugins", "test", "--json", naughty, "mute")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var first promiseLine
	if err := json.Unmarshal([]byte(lines[0]), &first); code != exitFailed || err != nil || first.State != "broken" || len(first.Faults) != 1 ||
		len(lines) != len(conformance.Promises())+1 || lines[len(lines)-1] != `{"task":"naughty","kept":10,"broken":1,"skipped":1}` {
		t.Errorf("exit %d, %s", code, out)
	}
	if code, out, _ := runCommand("plugins", "test", naughty, naughty); code != exitOK || strings.Count(out, " promises kept") != 2 {
		t.Errorf("two programs: exit %d, %s", code, out)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"plugins", "test"}, exitUsage, "program"},
		{[]string{"plugins", "test", "./no-such-program"}, exitUsage, "executable"},
		{[]string{"plugins", "test", "--model", t.TempDir(), naughty}, exitUsage, "palimpsest.json"},
		{[]string{"plugins", "test", "sh", "-c", "echo no luck >&2; exit 3"}, exitFailed, "no luck"},
	} {
		if code, out, errs := runCommand(c.args...); code != c.code || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%q: exit %d, %q, %q", c.args, code, out, errs)
		}
	}
}
