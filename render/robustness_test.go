package render

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// update rewrites the goldens.
var update = flag.Bool("update", false, "rewrite testdata/robustness.golden from what happens now")

// hostile is one file of the robustness set: what it is, and what other programs
// said of it.
type hostile struct {
	File, Tier, Password string
	Ref                  struct {
		PDFInfo *struct{ RC, Pages int } `json:"pdfinfo"`
		Pillow  *struct{ RC int }        `json:"pillow"`
	}
}

// decodes says whether another program read the file. Those of the two programs
// asked read only formats that are supported here.
func (h hostile) decodes() bool {
	return h.Ref.PDFInfo != nil && h.Ref.PDFInfo.RC == 0 && h.Ref.PDFInfo.Pages > 0 || h.Ref.Pillow != nil && h.Ref.Pillow.RC == 0
}

// hostileFiles reads the manifest.
func hostileFiles(t *testing.T) (dir string, out []hostile) {
	t.Helper()
	dir = shared(t, "robustness")
	f, err := os.Open(filepath.Join(dir, "manifest.jsonl"))
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var h hostile
		if err := json.Unmarshal(sc.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, h.File)); err == nil {
			out = append(out, h)
		}
	}
	return dir, out
}

// robustnessLimits are the defaults, on smaller rasters. A file of which the
// table knows that it meets the limit on time or memory meets one of time soon;
// others get more of it, because a test may run on a busy machine.
func robustnessLimits(row string) Limits {
	l := Limits{RasterPixels: 8 << 20}
	switch {
	case strings.Contains(row, exhausted):
		l.PageTime = 5 * time.Second
	case row != "":
		l.PageTime, l.OpenTime, l.InspectTime = 3*time.Minute, 3*time.Minute, time.Minute
	}
	return l
}

// exhausted is the result of a page that met the limit on time or on memory:
// which one it is depends on the machine.
const exhausted = "time or memory"

const robustnessGolden = "testdata/robustness.golden"

// Every hostile file ends in pages or in a typed error that says what to do, in
// time, in a child that is sealed and bounded; each ends as the golden table
// says; and of the files that other programs read, nearly all yield pages. The
// core of the set is run; all of it with PALIMPSEST_ROBUSTNESS=all.
func TestHostileFiles(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("skipped: takes minutes under the race detector")
	}
	dir, files := hostileFiles(t)
	table := readTable(t)
	all := os.Getenv("PALIMPSEST_ROBUSTNESS") == "all"
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan bool, 2)
	fonts := []string{t.TempDir()} // none: the table is the same on every machine
	fresh := map[string]string{}
	peak := int64(0)
	for _, h := range files {
		if !all && h.Tier != "core" {
			continue
		}
		slots <- true
		wg.Go(func() {
			defer func() { <-slots }()
			row, used := tryHostile(t, filepath.Join(dir, h.File), h, robustnessLimits(table[h.File]), fonts)
			mu.Lock()
			defer mu.Unlock()
			fresh[h.File] = row
			peak = max(peak, used)
		})
	}
	wg.Wait()
	for name, row := range fresh {
		if want, ok := table[name]; ok && want != row && !*update {
			t.Errorf("%s:\n got %s\nwant %s", name, row, want)
		}
	}
	if *update {
		writeTable(t, table, fresh)
	}
	t.Logf("%d files run; the largest child held %d MiB", len(fresh), peak>>20)
	tally(t, files, table, fresh)
}

// tally sums up the outcomes, of the files run now and of those in the table,
// and wants nearly all decodable files to yield pages.
func tally(t *testing.T, files []hostile, table, fresh map[string]string) {
	count := map[string]int{}
	decodable, paged := 0, 0
	var refused []string
	for _, h := range files {
		row, ok := fresh[h.File]
		if !ok {
			row, ok = table[h.File]
		}
		if !ok {
			continue
		}
		result := strings.Split(row, "\t")[2]
		kind, _, _ := strings.Cut(result, ":")
		count[kind]++
		if !h.decodes() {
			continue
		}
		decodable++
		if yields := strings.Contains(result, "page") || strings.Contains(result, "blank"); yields && !strings.Contains(result, "page_") {
			paged++
		} else {
			refused = append(refused, fmt.Sprintf("  %s: %s", h.File, result))
		}
	}
	var kinds []string
	for k, n := range count {
		kinds = append(kinds, fmt.Sprintf("%5d  %s", n, k))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(kinds)))
	t.Logf("outcomes:\n%s", strings.Join(kinds, "\n"))
	if decodable == 0 {
		return
	}
	share := 100 * float64(paged) / float64(decodable)
	t.Logf("%d of %d files that other programs read yield pages: %.1f %%; not these:\n%s", paged, decodable, share, strings.Join(refused, "\n"))
	if share < 95 {
		t.Errorf("%.1f %% of the files that other programs read yield pages, want 95", share)
	}
}

// tryHostile opens a file, makes its first pages and describes what happened in
// one row: format, pages, result, notes, what to do.
func tryHostile(t *testing.T, path string, h hostile, limits Limits, fonts []string) (row string, peak int64) {
	// Far behind every deadline: whoever meets this one hangs.
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	d, err := Open(ctx, path, Options{CacheDir: cacheDir(), Limits: limits, Password: h.Password, FontRoots: fonts})
	if err != nil {
		result, hint := describe(t, h.File, err)
		checkKind(t, path, result)
		return strings.Join([]string{"-", "0", result, "-", hint}, "\t"), 0
	}
	defer d.Close()
	checkSealed(t, d, limits)
	var results, hints []string
	for n := 1; n <= min(d.NumPages(), 2); n++ {
		result, hint := "page", ""
		p, err := d.Page(ctx, n)
		switch {
		case err != nil:
			result, hint = describe(t, h.File, err)
			checkKind(t, path, result)
		case p.Image.Rect.Empty() || p.Number != n:
			t.Errorf("%s: page %d is %v", h.File, n, p.Image.Rect)
		case p.Blank:
			result = "blank"
		}
		if !slices.Contains(results, result) {
			results = append(results, result)
		}
		if hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	peak = checkSealed(t, d, limits)
	notes := []string{}
	for _, n := range d.Notes() {
		if !slices.Contains(notes, n.Kind) {
			notes = append(notes, n.Kind)
		}
	}
	sort.Strings(notes)
	return strings.Join([]string{d.Format(), fmt.Sprint(d.NumPages()), strings.Join(results, ", "), orDash(notes), orDash(hints)}, "\t"), peak
}

// orDash joins, or marks an empty column.
func orDash(s []string) string {
	if len(s) == 0 {
		return "-"
	}
	return strings.Join(s, " ")
}

// checkKind wants JPEG 2000 and JBIG2 read, unsupported or over a limit.
func checkKind(t *testing.T, path, result string) {
	t.Helper()
	head := make([]byte, sniffBytes)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, _ := f.Read(head)
	format, _ := sniff(head[:n])
	if (format == formatJP2 || format == formatJBIG2) && strings.HasPrefix(result, string(BadInput)) {
		t.Errorf("%s: %s, want it read or unsupported", path, result)
	}
}

// describe checks an error's form and sums it up.
func describe(t *testing.T, file string, err error) (result, hint string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind == Internal || e.File == "" || e.Hint == "" || e.Op == "" || e.Kind == TooLarge && (e.Limit == "" || e.Max == 0) {
		t.Errorf("%s: %v, want a typed error with file, limit and hint that is not internal", file, err)
		return "untyped", "-"
	}
	switch e.Limit {
	case "":
		return string(e.Kind), e.Hint
	case limitMemory, "page_time", "open_time", "cpu_time":
		return string(e.Kind) + ": " + exhausted, "split it, scale it down, or print it anew"
	}
	return string(e.Kind) + ": " + e.Limit, e.Hint
}

// readTable reads the golden: file names to rows.
func readTable(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	data, err := os.ReadFile(robustnessGolden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if name, row, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && !strings.HasPrefix(line, "#") {
			out[name] = row
		}
	}
	return out
}

// writeTable writes it, keeping the rows of files that were not run.
func writeTable(t *testing.T, table, fresh map[string]string) {
	t.Helper()
	for name, row := range fresh {
		table[name] = row
	}
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	sort.Strings(names)
	var b bytes.Buffer
	b.WriteString("# file\tformat\tpages\tresult of the first two\tnotes\twhat to do\n")
	for _, name := range names {
		b.WriteString(name + "\t" + table[name] + "\n")
	}
	if err := os.MkdirAll(filepath.Dir(robustnessGolden), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(robustnessGolden, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
