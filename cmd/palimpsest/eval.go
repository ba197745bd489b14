package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"palimpsest.dev/eval"
)

// evalCmd measures accuracy, and compares what was measured.
type evalCmd struct {
	Measure measureCmd `cmd:"" default:"withargs" help:"Measure accuracy on labelled documents."`
	Compare compareCmd `cmd:"" help:"Test whether two runs over the same items differ."`
}

// measureCmd measures accuracy on labelled documents, by the same path as run; or the
// accuracy of answers that somebody else gave.
type measureCmd struct {
	modelFlags
	Task     string            `help:"What to measure: ${enum}." enum:"ocr,table,molecule,omr,cxr,regions,caption,answer,detect,perplexity" default:"ocr"`
	Data     string            `help:"Manifest: JSON lines with file, gt_file or gt, subset; paths relative to it." required:"" placeholder:"MANIFEST.jsonl" type:"existingfile"`
	Answers  string            `help:"Do not read anything: measure these answers, JSON lines with id or file and answer, or the output of run --json or eval --json." placeholder:"FILE.jsonl" type:"existingfile"`
	Subset   []string          `help:"Only these subsets, comma-separated." placeholder:"NAME"`
	Limit    int               `help:"At most this many items of each subset. 0: all." default:"0"`
	JSON     bool              `help:"Print one JSON object per item."`
	Resume   string            `help:"Keep results in this file, and take from it what an earlier run with the same model already read." placeholder:"FILE.jsonl"`
	Worst    int               `help:"Write a page with so many of the worst items: picture, truth and answer side by side." placeholder:"N"`
	WorstOut string            `help:"File of that page." default:"worst.html" placeholder:"FILE.html"`
	Baseline string            `help:"Measure the items of this baseline, compare, and fail on a clear drop." placeholder:"FILE.jsonl"`
	Write    bool              `name:"write-baseline" help:"Write --baseline anew instead of comparing."`
	Option   map[string]string `help:"Option of the task; may be repeated. Text layers are ignored unless text_layer says otherwise." placeholder:"NAME=VALUE" mapsep:"none"`
	Jobs     int               `help:"Items in flight." default:"2"`
}

// Run prints a line for every item and ends with the totals as one line of JSON.
func (c *measureCmd) Run(s *session) error {
	m, items, err := c.prepare(s)
	if err != nil {
		return err
	}
	base, items, err := c.baseline(s, items)
	if err != nil {
		return err
	}
	source, err := c.source(s, m, items)
	if err != nil {
		return err
	}
	defer source.close()
	o := eval.Options{Jobs: c.Jobs, Fingerprint: source.fingerprint}
	var journal *eval.Journal
	if c.Resume != "" {
		if journal, err = eval.OpenJournal(c.Resume); err != nil {
			return usagef("%v", err)
		}
		defer journal.Close()
		o.Known = journal.Known
	}
	out := bufio.NewWriter(s.stdout)
	bar := newProgress(s.stderr, len(items))
	worst := eval.NewWorst(m, c.Worst)
	var results []eval.Result
	o.Each = func(r eval.Result) error {
		if journal != nil {
			if err := journal.Add(r); err != nil {
				return err
			}
		}
		worst.Add(r)
		results = append(results, eval.Result{ID: r.ID, Subset: r.Subset, Metrics: r.Metrics})
		bar.step(r.Resumed)
		if c.JSON {
			line, err := r.Line()
			if err != nil {
				return err
			}
			out.Write(append(line, '\n'))
			return out.Flush()
		}
		return bar.line(itemLine(m, r))
	}
	totals, err := eval.Run(s, m, items, source.read, o)
	bar.end()
	if err != nil {
		return err
	}
	if err := c.page(s, worst, items); err != nil {
		return err
	}
	if !c.JSON {
		if err := printTotals(out, m, totals); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(out).Encode(map[string]eval.Totals{"totals": totals}); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return c.judge(s, m, base, results)
}

// prepare reads the manifest and every truth.
func (c *measureCmd) prepare(s *session) (eval.Measure, []eval.Item, error) {
	if c.Write && c.Baseline == "" {
		return nil, nil, usagef("--write-baseline needs --baseline, the file to write")
	}
	all, err := eval.OpenManifest(c.Data, c.Subset, c.Limit)
	if err != nil {
		return nil, nil, usagef("%v", err)
	}
	m, items, without, err := eval.Prepare(c.Task, all)
	if err != nil {
		return nil, nil, usagef("%v", err)
	}
	if len(items) == 0 {
		return nil, nil, usagef("manifest %s has no item with a truth for %s; docs/evaluation.md says what one looks like", c.Data, c.Task)
	}
	if len(without) > 0 {
		bySubset := map[string]int{}
		for _, item := range without {
			bySubset[item.Subset]++
		}
		for _, name := range slices.Sorted(maps.Keys(bySubset)) {
			fmt.Fprintf(s.stderr, "left out: %d items of %s, whose truth says nothing of %s\n", bySubset[name], name, c.Task)
		}
	}
	return m, items, nil
}

// evalSource is where answers come from.
type evalSource struct {
	read        eval.Reader
	fingerprint func(eval.Item) (string, error)
	close       func()
}

// source opens what answers: a file of answers, a task of the program, or the model
// itself.
func (c *measureCmd) source(s *session, m eval.Measure, items []eval.Item) (evalSource, error) {
	switch {
	case c.Answers != "":
		return openAnswers(c.Answers, c.Task)
	case slices.Contains(askedTasks, c.Task):
		return c.openAsked(s, m, items)
	}
	return c.openTask(s, m)
}

// page writes the worst cases.
func (c *measureCmd) page(s *session, worst *eval.Worst, items []eval.Item) error {
	if c.Worst <= 0 {
		return nil
	}
	byID := make(map[string]eval.Item, len(items))
	for _, item := range items {
		byID[item.ID] = item
	}
	find := func(id string) (eval.Item, bool) { item, ok := byID[id]; return item, ok }
	f, err := os.Create(c.WorstOut)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	title := fmt.Sprintf("Worst cases of %s, %s", c.Task, filepath.Base(filepath.Dir(c.Data)))
	err = worst.WriteWorst(w, title, find, func(item eval.Item, page int) (eval.Picture, error) { return pictureOf(s, item.Path(), page) })
	if err == nil {
		err = w.Flush()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		fmt.Fprintf(s.stderr, "%d worst items: %s\n", len(worst.Results()), c.WorstOut)
	}
	return err
}

// baseline reads the scores to compare with and keeps their items alone.
func (c *measureCmd) baseline(s *session, items []eval.Item) ([]eval.Result, []eval.Item, error) {
	if c.Baseline == "" || c.Write {
		return nil, items, nil
	}
	base, err := readResultsFile(c.Baseline)
	if err != nil {
		return nil, nil, err
	}
	kept := slices.DeleteFunc(slices.Clone(items), func(item eval.Item) bool {
		return !slices.ContainsFunc(base, func(r eval.Result) bool { return r.ID == item.ID })
	})
	if len(kept) == 0 {
		return nil, nil, usagef("no item of baseline %s is in %s", c.Baseline, c.Data)
	}
	if missing := len(base) - len(kept); missing > 0 {
		fmt.Fprintf(s.stderr, "%d items of the baseline are not measured: the manifest lacks them, or --subset and --limit leave them out\n", missing)
	}
	return base, kept, nil
}

// judge writes the baseline, or compares with it.
func (c *measureCmd) judge(s *session, m eval.Measure, base, results []eval.Result) error {
	if c.Baseline == "" {
		return nil
	}
	if c.Write {
		var b strings.Builder
		for _, r := range results {
			line, err := r.Line()
			if err != nil {
				return err
			}
			b.Write(append(line, '\n'))
		}
		return os.WriteFile(c.Baseline, []byte(b.String()), 0o666)
	}
	compared := eval.Compare(base, results)
	compared.OnlyA = nil // said before
	if err := printComparison(s.stderr, compared, "baseline", "now", m.Leading()); err != nil {
		return err
	}
	drops := eval.Drops(m, compared)
	for _, d := range drops {
		fmt.Fprintf(s.stderr, "drop: %s of %s fell from %.4f to %.4f over %d items (p = %.3f)\n", d.Metric, d.Subset, d.A, d.B, d.Items, d.P)
	}
	if len(drops) > 0 {
		return errReported
	}
	return nil
}

// itemLine is an item for people: its leading metrics.
func itemLine(m eval.Measure, r eval.Result) string {
	line := r.ID + ":"
	for _, name := range leadingFirst(m, r.Metrics) {
		if len(line) < 200 {
			line += fmt.Sprintf(" %s %.3f,", name, r.Metrics[name])
		}
	}
	line += fmt.Sprintf(" %.1f s", r.Seconds)
	if r.Resumed {
		line += ", read before"
	}
	if r.Error != "" {
		line += ", error: " + r.Error
	}
	return line
}

// leadingFirst orders metrics: the leading ones, then the others by name.
func leadingFirst[V any](m eval.Measure, metrics map[string]V) []string {
	var names []string
	for _, name := range m.Leading() {
		if _, ok := metrics[name]; ok {
			names = append(names, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func printTotals(w io.Writer, m eval.Measure, totals eval.Totals) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "subset\tmetric\tvalue\t95 % interval\titems")
	for _, subset := range slices.Sorted(maps.Keys(totals)) {
		for _, name := range leadingFirst(m, totals[subset]) {
			v := totals[subset][name]
			fmt.Fprintf(table, "%s\t%s\t%.3f\t%.3f - %.3f\t%d\n", subset, name, v.Value, v.Low, v.High, v.N)
		}
	}
	return table.Flush()
}

// compareCmd tests a difference on paired items.
type compareCmd struct {
	A      string   `arg:"" help:"Results of eval --json or of eval --resume." type:"existingfile"`
	B      string   `arg:"" help:"Results of another run over the same items." type:"existingfile"`
	Metric []string `help:"Only these metrics, comma-separated." placeholder:"NAME"`
	JSON   bool     `help:"Print one JSON object."`
}

// Run prints a line for each metric and subset.
func (c *compareCmd) Run(s *session) error {
	a, err := readResultsFile(c.A)
	if err != nil {
		return err
	}
	b, err := readResultsFile(c.B)
	if err != nil {
		return err
	}
	got := eval.Compare(a, b)
	if len(c.Metric) > 0 {
		got.Pairs = slices.DeleteFunc(got.Pairs, func(p eval.Paired) bool { return !slices.Contains(c.Metric, p.Metric) })
	}
	if c.JSON {
		return json.NewEncoder(s.stdout).Encode(got)
	}
	if err := printComparison(s.stdout, got, "A", "B", nil); err != nil {
		return err
	}
	if len(got.Pairs) == 0 {
		return usagef("no metric is in both runs")
	}
	return nil
}

func readResultsFile(path string) ([]eval.Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	results, err := eval.ReadResults(f)
	if err != nil {
		return nil, usagef("%s: %v", path, err)
	}
	return results, nil
}

// printComparison prints the given metrics, or all.
func printComparison(w io.Writer, c eval.Comparison, a, b string, metrics []string) error {
	for i, only := range [][]string{c.OnlyA, c.OnlyB} {
		if len(only) > 0 {
			fmt.Fprintf(w, "%d items are in %s alone and are not compared: %s\n", len(only), []string{a, b}[i], abbreviated(only, 5))
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "subset\tmetric\titems\t%s\t%s\tdifference\t95 %% interval\tp\tup/down/equal\t\n", a, b)
	for _, p := range c.Pairs {
		if metrics != nil && !slices.Contains(metrics, p.Metric) {
			continue
		}
		verdict := ""
		switch worse := eval.LowerIsBetter(p.Metric) == (p.Difference > 0); {
		case p.P >= 0.05:
		case worse:
			verdict = "worse"
		default:
			verdict = "better"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%.4f\t%.4f\t%+.4f\t%+.4f to %+.4f\t%.4f\t%d/%d/%d\t%s\n", p.Subset, p.Metric, p.Items, p.A, p.B,
			p.Difference, p.Low, p.High, p.P, p.Above, p.Below, p.Equal, verdict)
	}
	return table.Flush()
}

func abbreviated(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and others"
}

// readItem reads one item by a task of the program, all its pages.
func (r *fileReader) readItem(ctx context.Context, item eval.Item) (eval.Answer, error) {
	var a eval.Answer
	var whole error
	err := r.Read(ctx, []string{item.Path()}, func(got fileResult) error {
		if got.Page == 0 {
			whole = got.Err
			return nil
		}
		addPage(&a, got)
		return nil
	})
	if err == nil {
		err = whole
	}
	return a, err
}
