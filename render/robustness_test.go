package render

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile is one file of the robustness set.
type hostile struct {
	File, Subset, Split, Tier, Password string
	Ref                                 struct {
		PDFInfo *struct{ RC, Pages int } `json:"pdfinfo"`
		Pillow  *struct{ RC int }        `json:"pillow"`
	}
}

// decodes says whether another program read the file.
func (h hostile) decodes() bool {
	return h.Ref.PDFInfo != nil && h.Ref.PDFInfo.RC == 0 && h.Ref.PDFInfo.Pages > 0 || h.Ref.Pillow != nil && h.Ref.Pillow.RC == 0
}

// hostileFiles reads the manifest. PALIMPSEST_ROBUSTNESS is "core" or "all";
// without it, one file in three of the core is enough.
func hostileFiles(t *testing.T) (dir string, out []hostile) {
	t.Helper()
	dir = shared(t, "robustness")
	f, err := os.Open(filepath.Join(dir, "manifest.jsonl"))
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	defer f.Close()
	tier := os.Getenv("PALIMPSEST_ROBUSTNESS")
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for n := 0; sc.Scan(); {
		var h hostile
		if err := json.Unmarshal(sc.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, h.File)); err != nil || tier != "all" && h.Tier != "core" {
			continue
		}
		if n++; tier != "" || n%3 == 0 {
			out = append(out, h)
		}
	}
	return dir, out
}

// Hostile files end in pages or in typed errors, in time.
func TestHostileFiles(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("skipped: takes minutes under the race detector")
	}
	dir, files := hostileFiles(t)
	var mu sync.Mutex
	tally := map[string]int{}
	decodable, paged := 0, 0
	var wg sync.WaitGroup
	slots := make(chan bool, 3)
	for _, h := range files {
		slots <- true
		wg.Go(func() {
			defer func() { <-slots }()
			outcome, ok := tryHostile(t, filepath.Join(dir, h.File), h)
			mu.Lock()
			defer mu.Unlock()
			tally[outcome]++
			if h.decodes() {
				decodable++
				if ok {
					paged++
				} else {
					t.Logf("%s is read by another program: %s", h.File, outcome)
				}
			}
		})
	}
	wg.Wait()
	kinds := make([]string, 0, len(tally))
	for k, n := range tally {
		kinds = append(kinds, fmt.Sprintf("%4d %s", n, k))
	}
	sort.Strings(kinds)
	t.Logf("outcomes of %d files:\n%s", len(files), strings.Join(kinds, "\n"))
	if decodable > 0 && float64(paged) < 0.85*float64(decodable) {
		t.Errorf("%d of %d files that another program reads yield pages", paged, decodable)
	}
}

// tryHostile opens a file and makes its first pages.
func tryHostile(t *testing.T, path string, h hostile) (outcome string, ok bool) {
	limits := Limits{PageTime: 10 * time.Second, OpenTime: 20 * time.Second}
	begin := time.Now()
	defer func() {
		if d := time.Since(begin); d > 3*time.Minute {
			t.Errorf("%s took %v", h.File, d)
		}
	}()
	d, err := Open(t.Context(), path, Options{CacheDir: cacheDir(), Limits: limits, Password: h.Password})
	if err != nil {
		return describe(t, h.File, err), false
	}
	defer d.Close()
	outcome = "pages"
	for n := 1; n <= min(d.NumPages(), 2); n++ {
		p, err := d.Page(t.Context(), n)
		if err != nil {
			outcome = describe(t, h.File, err)
			continue
		}
		ok = true
		if p.Image.Rect.Empty() || p.Number != n {
			t.Errorf("%s: page %d is %v", h.File, n, p.Image.Rect)
		}
	}
	if ok {
		outcome = "pages"
	}
	return outcome, ok
}

// describe checks an error's form and sums it up.
func describe(t *testing.T, file string, err error) string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind == Internal || e.File == "" || e.Hint == "" || e.Op == "" {
		t.Errorf("%s: %v, want a typed error with file and hint that is not internal", file, err)
		return "untyped"
	}
	if e.Limit != "" {
		return fmt.Sprintf("%s (%s)", e.Kind, e.Limit)
	}
	return string(e.Kind)
}
