package failpoint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// calls lists, for every Go file of the tree, what it uses of this package: names of points and of functions.
func calls(t *testing.T) map[string][]string {
	t.Helper()
	used := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); file != root && (n[0] == '.' || n[0] == '_' || n == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "failpoint" {
					used[file] = append(used[file], sel.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
}

// A fail point must not be triggerable in production: only tests arm.
func TestOnlyTestsArm(t *testing.T) {
	t.Parallel()
	armed := false
	for file, names := range calls(t) {
		if !slices.Contains(names, "Arm") {
			continue
		}
		if !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s calls failpoint.Arm: only tests may", file)
		}
		armed = true
	}
	if !armed {
		t.Error("no test arms a fail point: nothing crashes at them")
	}
}

// declared reads the names of the constants from the source, so that none can be left out of Points.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "failpoint.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range parsed.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, s := range g.Specs {
				names[s.(*ast.ValueSpec).Names[0].Name] = true
			}
		}
	}
	return names
}

func TestEveryPointIsListedAndPlaced(t *testing.T) {
	t.Parallel()
	names := declared(t)
	if len(names) != len(Points) {
		t.Errorf("%d points are declared, %d listed", len(names), len(Points))
	}
	seen := map[Point]bool{}
	for _, p := range Points {
		if seen[p] {
			t.Errorf("%q is listed twice", p)
		}
		seen[p] = true
	}
	placed := map[string]int{}
	for file, used := range calls(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, n := range used {
			placed[n]++
		}
	}
	for n := range names {
		if placed[n] == 0 {
			t.Errorf("point %s is nowhere in the program", n)
		}
	}
}

func TestUnarmedIsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Here(PagesDrawn) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHere(b *testing.B) {
	for b.Loop() {
		Here(PagesDrawn)
	}
}
