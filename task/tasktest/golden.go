package tasktest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/task"
)

// Program is the plugin program of the package under test, built once for all
// its tests. The race detector's memory does not fit a plugin's limits, so it is
// built without.
type Program struct {
	name  string
	dir   string
	once  sync.Once
	error error
}

// NewProgram is the program of the task called name; the tests run in the
// folder of its package main.
func NewProgram(name string) *Program { return &Program{name: name} }

// Path builds the program, if that was not done yet, and returns its file.
func (p *Program) Path(t testing.TB) string {
	t.Helper()
	p.once.Do(func() {
		if p.dir, p.error = os.MkdirTemp("", p.name+"-test-"); p.error != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-o", p.file(), ".").CombinedOutput(); err != nil {
			p.error = fmt.Errorf("%w: %s", err, out)
		}
	})
	if p.error != nil {
		t.Fatal(p.error)
	}
	return p.file()
}

func (p *Program) file() string { return filepath.Join(p.dir, "palimpsest-task-"+p.name) }

// Main is the body of TestMain: it runs the tests and removes what was built.
func (p *Program) Main(m *testing.M) int {
	code := m.Run()
	if p.dir != "" {
		os.RemoveAll(p.dir)
	}
	return code
}

// Golden plays the cases testdata/*.txtar of the package under test. The parts
// of a case that given names are what goes in; all others are expected of what
// play returns by name. With update they are rewritten instead.
func Golden(t *testing.T, update bool, given func(name string) bool, play func(*testing.T, *txtar.Archive) map[string]string) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, archive)
			for i, f := range archive.Files {
				if given(f.Name) {
					continue
				}
				made, ok := got[f.Name]
				switch {
				case !ok:
					t.Errorf("%s was not made", f.Name)
				case update:
					archive.Files[i].Data = []byte(made)
				case made != string(f.Data):
					t.Errorf("%s:\n%s", f.Name, cmp.Diff(string(f.Data), made))
				}
			}
			if update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// RegionOf reads a line of a case that says where a region of the page lies, by
// the words found or drawn and its four edges; "none" is no region.
func RegionOf(t testing.TB, kind string, words []string) (task.Region, bool) {
	t.Helper()
	if words[0] == "none" {
		return task.Region{}, false
	}
	r := task.Region{Kind: kind, Confidence: 0.9, Source: task.SourceModel}
	if words[0] == "drawn" {
		r.Confidence, r.Source = 1, task.SourcePerson
	}
	var edges [4]float64
	for i := range edges {
		v, err := strconv.ParseFloat(words[1+i], 64)
		if err != nil {
			t.Fatalf("region %q: %v", words, err)
		}
		edges[i] = v
	}
	r.Box = task.Box{X0: edges[0], Y0: edges[1], X1: edges[2], Y1: edges[3]}
	return r, true
}
