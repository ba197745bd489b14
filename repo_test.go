// Package palimpsest holds the tests of the repository's own shape: who may import whom, how long a
// file and a function may grow, that every package introduces itself, and how many libraries we lean on.
package palimpsest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "palimpsest.dev"

const (
	maxFileLines          = 600
	maxFunctionLines      = 100
	maxDirectDependencies = 22
)

// uninformative are package names that say nothing about what is inside.
var uninformative = []string{"util", "utils", "common", "helpers", "misc", "shared", "base", "types"}

// forEachSource calls visit with every Go source of the tree that a person wrote and that is no test.
func forEachSource(t *testing.T, visit func(file string, source []byte, parsed *ast.File, positions *token.FileSet)) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			name := entry.Name()
			if file != "." && (name[0] == '.' || name[0] == '_' || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, file, source, parser.ParseComments)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(file), source, parsed, positions)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportsFollowTheTable(t *testing.T) {
	documented := map[string]bool{}
	forEachSource(t, func(file string, _ []byte, parsed *ast.File, _ *token.FileSet) {
		pkg := path.Dir(file)
		allowed, known := imports[pkg]
		if !known {
			t.Errorf("%s: package %s is not in the import table (imports_test.go); draw its arrows there", file, pkg)
			return
		}
		if slices.Contains(uninformative, path.Base(pkg)) {
			t.Errorf("%s: the package name says nothing about what is inside", pkg)
		}
		documented[pkg] = documented[pkg] || parsed.Doc != nil || ast.IsGenerated(parsed)
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if own, ours := strings.CutPrefix(imported, module+"/"); ours && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s, which the row of %s does not allow", file, own, pkg)
			}
		}
	})
	for pkg := range imports {
		if !documented[pkg] {
			t.Errorf("%s: no package comment, or the package is gone", pkg)
		}
	}
}

func TestFilesAndFunctionsStayShort(t *testing.T) {
	forEachSource(t, func(file string, source []byte, parsed *ast.File, positions *token.FileSet) {
		if ast.IsGenerated(parsed) {
			return
		}
		if lines := strings.Count(string(source), "\n"); lines > maxFileLines {
			t.Errorf("%s: %d lines, budget %d", file, lines, maxFileLines)
		}
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := positions.Position(function.End()).Line - positions.Position(function.Pos()).Line
			if lines > maxFunctionLines {
				t.Errorf("%s: %s is %d lines, budget %d", file, function.Name.Name, lines, maxFunctionLines)
			}
		}
	})
}

// TestDirectDependencies fails when a library is added; the budget is raised together with an entry
// in docs/decisions.md that argues for it.
func TestDirectDependencies(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(mod)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "require ")
		if strings.Contains(line, ".") && strings.Contains(line, " v") && !strings.Contains(line, "// indirect") {
			direct++
		}
	}
	if direct > maxDirectDependencies {
		t.Errorf("%d direct dependencies, budget %d", direct, maxDirectDependencies)
	}
}
