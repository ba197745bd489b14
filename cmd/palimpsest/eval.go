package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"palimpsest.dev/eval"
)

// evalCmd measures accuracy on labelled documents, by the same path as run.
type evalCmd struct {
	modelFlags
	Task   string            `help:"Task to measure: ${enum}." enum:"ocr" default:"ocr"`
	Data   string            `help:"Manifest: JSON lines with file, gt_file or gt, subset; paths relative to it." required:"" placeholder:"MANIFEST.jsonl" type:"existingfile"`
	Subset []string          `help:"Only these subsets, comma-separated." placeholder:"NAME"`
	Limit  int               `help:"At most this many items of each subset. 0: all." default:"0"`
	JSON   bool              `help:"Print one JSON object per item."`
	Option map[string]string `help:"Option of the task; may be repeated. Text layers are ignored unless text_layer says otherwise." placeholder:"NAME=VALUE" mapsep:"none"`
	Jobs   int               `help:"Items in flight." default:"2"`
}

// Run prints a line for every item and ends with the totals as one line of JSON.
func (c *evalCmd) Run(s *session) error {
	items, err := eval.OpenManifest(c.Data, c.Subset, c.Limit)
	if err != nil {
		return usagef("%v", err)
	}
	parts, err := openReading(c.modelFlags, s.log)
	if err != nil {
		return err
	}
	defer parts.Close()
	options := maps.Clone(c.Option)
	if options == nil {
		options = map[string]string{}
	}
	if _, told := options["text_layer"]; !told {
		// A text layer is not read but copied: it must not count.
		options["text_layer"] = "ignore"
	}
	reader, err := newFileReader(parts, readerOptions{Tasks: []string{c.Task}, Options: options})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.stdout)
	totals, err := eval.OCR(s, items, evalReader(reader), eval.Options{Jobs: c.Jobs, Each: func(r eval.Result) error {
		if c.JSON {
			if err := json.NewEncoder(out).Encode(r); err != nil {
				return err
			}
			return out.Flush()
		}
		return printItem(s.stderr, r)
	}})
	if err != nil {
		return err
	}
	if !c.JSON {
		if err := printTotals(out, totals); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(out).Encode(map[string]eval.Totals{"totals": totals}); err != nil {
		return err
	}
	return out.Flush()
}

// evalReader reads files as run does and keeps the words.
func evalReader(r *fileReader) eval.Reader {
	return func(ctx context.Context, file string) ([]eval.Page, error) {
		var pages []eval.Page
		var whole error
		err := r.Read(ctx, []string{file}, func(got fileResult) error {
			if got.Page == 0 {
				whole = got.Err
				return nil
			}
			page := eval.Page{Number: got.Page, Width: got.Width, Height: got.Height, Err: got.Err}
			for _, w := range wordsOf(got.Outcome.Records) {
				page.Words = append(page.Words, eval.Word{Text: w.Text, Box: w.Box})
			}
			pages = append(pages, page)
			return nil
		})
		return pages, cmp.Or(err, whole)
	}
}

// evalColumns are the metrics worth a column on a terminal.
var evalColumns = []string{"word_f1", "bag_of_words_f1", "cer", "box_f1", "facts"}

func printItem(w io.Writer, r eval.Result) error {
	line := fmt.Sprintf("%s: %d words", r.ID, r.Words)
	for _, name := range evalColumns {
		if v, ok := r.Metrics[name]; ok {
			line += fmt.Sprintf(", %s %.3f", name, v)
		}
	}
	line += fmt.Sprintf(", %.1f s", r.Seconds)
	if r.Error != "" {
		line += ", error: " + r.Error
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

func printTotals(w io.Writer, totals eval.Totals) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "subset\tmetric\tvalue\t95 % interval\titems")
	for _, subset := range slices.Sorted(maps.Keys(totals)) {
		for _, name := range evalColumns {
			if v, ok := totals[subset][name]; ok {
				fmt.Fprintf(table, "%s\t%s\t%.3f\t%.3f - %.3f\t%d\n", subset, name, v.Value, v.Low, v.High, v.N)
			}
		}
	}
	return table.Flush()
}
