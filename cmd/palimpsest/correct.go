package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"palimpsest.dev/api"
	"palimpsest.dev/ingest"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// correctCmd corrects what was read of a page, lists corrections, and takes them back.
type correctCmd struct {
	clientFlags
	ID       string            `arg:"" name:"document" help:"The document; it has to be done with."`
	Page     int               `arg:"" optional:"" help:"Page, from 1. Without it, the document's corrections are listed."`
	At       string            `help:"Where the row stands that is meant, or is to stand: left, upper, right and lower edge in pixels." placeholder:"X0,Y0,X1,Y1"`
	Text     *string           `help:"What stands there, of tasks that read words."`
	Set      map[string]string `help:"Other columns of the row and what they hold; may be repeated." placeholder:"COLUMN=TEXT"`
	Box      string            `help:"The row's box from now on." placeholder:"X0,Y0,X1,Y1"`
	Add      bool              `help:"A row that was not read: --at says where it stands."`
	Remove   bool              `help:"There is no such row."`
	Answer   string            `help:"File with everything that stands there: HTML of a table, SMILES, **kern, a report. - is standard input." placeholder:"FILE"`
	Right    bool              `help:"The page is right as it stands; \"export --labels\" takes it."`
	Undo     int64             `help:"Take back the correction of this number." placeholder:"N"`
	Task     string            `help:"Task that is corrected." default:"ocr"`
	Relation string            `help:"Relation of the row. Empty: the task's first." placeholder:"NAME"`
	By       string            `help:"Who. Empty: the user's name." placeholder:"NAME"`
}

// Run corrects, lists or takes back.
func (c *correctCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	switch {
	case c.Undo > 0:
		made, err := client.UndoCorrection(s, c.ID, c.Undo, whoAsks(c.By))
		if err != nil {
			return c.wrong(err)
		}
		return c.print(s.stdout, made)
	case c.Page == 0:
		list, err := client.Corrections(s, c.ID)
		if err != nil {
			return c.wrong(err)
		}
		for _, one := range list.Corrections {
			if err := c.print(s.stdout, one); err != nil {
				return err
			}
		}
		return nil
	}
	n, err := c.correction(s)
	if err != nil {
		return err
	}
	made, err := client.Correct(s, c.ID, c.Page, n)
	if err != nil {
		return c.wrong(err)
	}
	return c.print(s.stdout, made)
}

// correction is what the flags ask for.
func (c *correctCmd) correction(s *session) (api.NewCorrection, error) {
	n := api.NewCorrection{Task: c.Task, Relation: c.Relation, By: whoAsks(c.By), Kind: "change"}
	wishes := 0
	for kind, wish := range map[string]bool{"add": c.Add, "remove": c.Remove, "answer": c.Answer != "", "right": c.Right} {
		if wish {
			n.Kind = kind
			wishes++
		}
	}
	if wishes > 1 {
		return n, usagef("one of --add, --remove, --answer and --right at a time")
	}
	if (c.At == "") != c.Right {
		return n, usagef("--at says which row is meant; --right is about the whole page and needs none")
	}
	for _, b := range []struct {
		text string
		into *[]float64
	}{{c.At, &n.Place}, {c.Box, &n.Box}} {
		if b.text == "" {
			continue
		}
		box, err := parseBox(b.text)
		if err != nil {
			return n, usagef("box %q: %v", b.text, err)
		}
		*b.into = box[:]
	}
	if c.Text != nil || len(c.Set) > 0 {
		n.Values = map[string]any{}
		for k, v := range c.Set {
			n.Values[k] = v
		}
		if c.Text != nil {
			n.Values["text"] = *c.Text
		}
	}
	if c.Answer != "" {
		text, err := readAnswer(s, c.Answer)
		if err != nil {
			return n, err
		}
		n.Text = text
	}
	return n, nil
}

// maxAnswer bounds an answer written by hand.
const maxAnswer = 1 << 20

func readAnswer(s *session, file string) (string, error) {
	in := s.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxAnswer+1))
	if err == nil && len(raw) > maxAnswer {
		err = fmt.Errorf("%s: more than %d bytes", file, maxAnswer)
	}
	return string(raw), err
}

// print shows a correction on a line.
func (c *correctCmd) print(w io.Writer, one api.Correction) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(one)
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%-6d page %-4d %-8s %-7s", one.ID, one.Page, one.Task, one.Kind)
	if one.Kind == "undo" {
		fmt.Fprintf(out, " of %d", one.Undoes)
	}
	if one.Place != nil {
		fmt.Fprintf(out, " at %.0f,%.0f,%.0f,%.0f", one.Place[0], one.Place[1], one.Place[2], one.Place[3])
	}
	if said := saidOf(one); said != "" {
		fmt.Fprintf(out, "  %s", said)
	}
	if one.By != "" {
		fmt.Fprintf(out, "  by %s", one.By)
	}
	if one.Undone {
		fmt.Fprint(out, "  (undone)")
	}
	fmt.Fprintln(out)
	return out.Flush()
}

// saidOf is what a correction says, as far as it is one text.
func saidOf(one api.Correction) string {
	var was struct {
		Values map[string]any `json:"values"`
	}
	var rows []struct {
		Values map[string]any `json:"values"`
	}
	_ = json.Unmarshal(one.Was, &was) // nothing to show where it says nothing
	_ = json.Unmarshal(one.Rows, &rows)
	text := func(values map[string]any) string {
		for _, column := range []string{"text", "html", "kern", "smiles"} {
			if s, ok := values[column].(string); ok {
				short := []rune(strings.Join(strings.Fields(s), " "))
				return fmt.Sprintf("%q", string(short[:min(len(short), maxSaid)]))
			}
		}
		return "-"
	}
	switch {
	case len(rows) > 0 && len(was.Values) > 0:
		return text(was.Values) + " -> " + text(rows[0].Values)
	case len(rows) > 0:
		return text(rows[0].Values)
	case len(was.Values) > 0:
		return text(was.Values)
	}
	return ""
}

// ReadAs has a task read what a person wrote about a box of a page.
func (c *catalogue) ReadAs(ctx context.Context, name string, page store.Page, box [4]float64, text string) ([]store.Row, error) {
	t, err := c.host.Task(name)
	if err != nil {
		return nil, err
	}
	rows, err := ingest.ReadAs(ctx, t, task.Page{Number: page.Number, Width: page.Width, Height: page.Height, DPI: page.DPI, XHeight: page.XHeight}, box, text)
	if errors.Is(err, ingest.ErrNoAnswer) {
		return nil, &api.Problem{Title: "Nothing to keep", Status: http.StatusUnprocessableEntity, Code: api.CodeBadInput, Detail: err.Error(),
			Hint: "an answer is what a model would have to write: HTML of one table, one SMILES, one system of **kern, one report"}
	}
	return rows, err
}
