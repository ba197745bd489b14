package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"palimpsest.dev/ingest"
	"palimpsest.dev/task"
)

// runCmd reads files to lines of JSON, or to text, without a database.
type runCmd struct {
	modelFlags
	Files    []string          `arg:"" name:"file" help:"Documents: PDF, JPEG, PNG, WebP, GIF, BMP, TIFF, or a zip of these."`
	JSON     bool              `help:"Print one JSON object per page and task."`
	Task     []string          `help:"Tasks, comma-separated." default:"ocr"`
	Option   map[string]string `help:"Option of a task; may be repeated." placeholder:"NAME=VALUE" mapsep:"none"`
	Jobs     int               `help:"Pages in flight. 0: enough to keep the model busy." default:"0"`
	Password string            `help:"Password of encrypted documents." env:"PALIMPSEST_PASSWORD"`
	Out      string            `help:"Folder for the files made of each page (hOCR, text)." placeholder:"DIR"`
}

// Run reads the files. It fails when any page did.
func (c *runCmd) Run(s *session) error {
	parts, err := openReading(c.modelFlags, s.log)
	if err != nil {
		return err
	}
	defer parts.Close()
	reader, err := newFileReader(parts, readerOptions{Tasks: c.Task, Options: c.Option, Jobs: c.Jobs, Password: c.Password})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.stdout)
	failed := false
	err = reader.Read(s, c.Files, func(r fileResult) error {
		line := lineOf(r, parts.engine.Info().Name)
		failed = failed || line.State != string(ingest.StateDone) && line.State != string(ingest.StateBlank)
		if err := c.save(r); err != nil {
			return err
		}
		if err := c.print(out, s.stderr, r, line); err != nil {
			return err
		}
		return out.Flush() // a page is there as soon as it is read
	})
	if err == nil && failed {
		err = errReported
	}
	return err
}

// print writes one result for a program or for a person.
func (c *runCmd) print(out, status io.Writer, r fileResult, line runLine) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(line)
	}
	where := line.File
	if line.Page > 0 {
		where += fmt.Sprintf(", page %d", line.Page)
	}
	if line.Error != nil {
		fmt.Fprintf(status, "%s: %s failed: %s\n", where, line.Task, line.Error.Message)
		if line.Error.Hint != "" {
			fmt.Fprintf(status, "  %s\n", line.Error.Hint)
		}
		return nil
	}
	fmt.Fprintf(status, "%s: %s, %s %s, %.1f s\n", where, line.State, line.Task, line.count(), line.Seconds)
	if line.Reason != "" {
		fmt.Fprintf(status, "  %s\n", line.Reason)
	}
	for _, a := range r.Outcome.Artifacts {
		if a.MediaType == "text/plain" || strings.HasPrefix(a.MediaType, "text/plain;") {
			if _, err := out.Write(a.Content); err != nil {
				return err
			}
		}
	}
	return nil
}

// save writes the files a task made of a page under the output folder.
func (c *runCmd) save(r fileResult) error {
	if c.Out == "" || len(r.Outcome.Artifacts) == 0 {
		return nil
	}
	dir := filepath.Join(c.Out, filepath.Base(r.File), fmt.Sprintf("%04d", r.Page), r.Task)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, a := range r.Outcome.Artifacts {
		if err := os.WriteFile(filepath.Join(dir, a.Name), a.Content, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// runLine is what is printed of one page and task. Boxes are in pixels of the
// upright full-resolution page, origin top left.
type runLine struct {
	File      string                 `json:"file"`
	Page      int                    `json:"page,omitempty"` // 1-based; absent when the file could not be read at all
	Width     int                    `json:"width,omitempty"`
	Height    int                    `json:"height,omitempty"`
	State     string                 `json:"state"`
	Task      string                 `json:"task"`
	Model     string                 `json:"model"`
	Words     []runWord              `json:"words,omitzero"`
	Tables    []runTable             `json:"tables,omitzero"`
	Molecules []runMolecule          `json:"molecules,omitzero"`
	Scores    []runScore             `json:"scores,omitzero"`
	Reports   []runReport            `json:"reports,omitzero"`  // drafts, not for diagnosis; sentences and findings are Records
	Regions   []runRegion            `json:"regions,omitzero"`  // found, or those that the task was shown
	Records   map[string][]runRecord `json:"records,omitempty"` // of tasks that have no form of their own here
	Reason    string                 `json:"reason,omitempty"`
	Notes     []string               `json:"notes,omitempty"`
	Tokens    int                    `json:"tokens"`
	Seconds   float64                `json:"seconds"`
	Error     *runError              `json:"error,omitempty"`
}

// spot is where something stands and how sure the model was of it.
type spot struct {
	Box        [4]float64 `json:"box"`
	Confidence *float64   `json:"confidence"` // null where nobody was asked
}

type runTable struct {
	spot
	HTML string `json:"html"`
}

type runMolecule struct {
	spot
	Smiles    string `json:"smiles"` // as the model wrote it
	Canonical string `json:"canonical,omitempty"`
	Formula   string `json:"formula,omitempty"`
	Label     string `json:"label,omitempty"`
	Reason    string `json:"reason,omitempty"` // why it is no molecule
}

type runScore struct {
	spot
	Kern   string `json:"kern"`
	Valid  bool   `json:"valid"`
	Reason string `json:"reason,omitempty"` // what is wrong with it
}

type runReport struct {
	spot
	Notice     string   `json:"notice"`
	Text       string   `json:"text"`
	Body       string   `json:"body,omitempty"`
	Findings   string   `json:"findings,omitempty"`
	Impression string   `json:"impression,omitempty"`
	Missing    string   `json:"missing,omitempty"`
	Codes      []string `json:"codes"` // classes of findings that are present or uncertain
}

type runRegion struct {
	spot
	Kind   string `json:"kind"`
	Source string `json:"source"`
}

type runWord struct {
	Text       string     `json:"text"`
	Box        [4]float64 `json:"box"`
	Confidence *float64   `json:"confidence"` // null where nobody was asked: words of a text layer
	Source     string     `json:"source"`
}

type runRecord struct {
	Box        [4]float64     `json:"box"`
	Confidence *float64       `json:"confidence"`
	Source     string         `json:"source"`
	Values     map[string]any `json:"values"`
}

type runError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// lineOf gives the printed form of a result.
func lineOf(r fileResult, model string) runLine {
	line := runLine{File: r.File, Page: r.Page, Width: r.Width, Height: r.Height, Task: r.Task, Model: model}
	if r.Err != nil {
		f := ingest.Classify(r.Err)
		line.State = string(ingest.StateFailed)
		line.Error = &runError{Kind: string(f.Kind), Message: f.Message, Hint: f.Hint}
		return line
	}
	o := r.Outcome
	line.State, line.Reason, line.Notes, line.Tokens = string(o.State), o.Reason, o.Notes, o.Tokens
	line.Seconds = round(o.Seconds, 3)
	if r.Regions != nil {
		line.Regions = regionsOf(r.Regions)
	}
	switch r.Task {
	case "ocr":
		line.Words = wordsOf(o.Records)
	case "table":
		line.Tables = rowsOf(o.Records, "table", func(at spot, v values) runTable { return runTable{at, v.text("html")} })
	case "molecule":
		line.Molecules = rowsOf(o.Records, "molecule", func(at spot, v values) runMolecule {
			return runMolecule{at, v.text("text"), v.text("smiles"), v.text("formula"), v.text("label"), v.text("reason")}
		})
	case "omr":
		line.Scores = rowsOf(o.Records, "score", func(at spot, v values) runScore {
			valid, _ := v["valid"].(bool)
			return runScore{at, v.text("kern"), valid, v.text("reason")}
		})
	case task.RegionsTask:
		line.Regions = regionsOf(ingest.RegionsOf(o))
	default:
		if r.Task == "cxr" {
			line.Reports = reportsOf(o.Records)
		}
		line.Records = map[string][]runRecord{}
		for _, rec := range o.Records {
			line.Records[rec.Relation] = append(line.Records[rec.Relation], runRecord{Box: roundBox(rec.Box),
				Confidence: confidenceOf(rec), Source: rec.Source, Values: rec.Values})
		}
	}
	return line
}

// count says in words what was read.
func (l runLine) count() string {
	switch {
	case l.Words != nil:
		return fmt.Sprintf("%d words", len(l.Words))
	case l.Tables != nil:
		return fmt.Sprintf("%d tables", len(l.Tables))
	case l.Molecules != nil:
		return fmt.Sprintf("%d molecules", len(l.Molecules))
	case l.Scores != nil:
		return fmt.Sprintf("%d systems of music", len(l.Scores))
	case l.Reports != nil:
		return fmt.Sprintf("%d draft reports, not for diagnosis", len(l.Reports))
	case l.Regions != nil:
		return fmt.Sprintf("%d regions", len(l.Regions))
	}
	n := 0
	for _, r := range l.Records {
		n += len(r)
	}
	return fmt.Sprintf("%d rows", n)
}

// reportsOf gives the reports of a page with the classes of their findings.
func reportsOf(records []task.Record) []runReport {
	codes := map[any][]string{}
	for _, rec := range records {
		v := values(rec.Values)
		if decides, _ := v["decides"].(bool); rec.Relation == "finding" && decides && v.text("status") != "absent" {
			codes[v["report_seq"]] = append(codes[v["report_seq"]], v.text("class"))
		}
	}
	return rowsOf(records, "report", func(at spot, v values) runReport {
		return runReport{at, v.text("notice"), v.text("text"), v.text("body"), v.text("findings"), v.text("impression"), v.text("missing"),
			append([]string{}, codes[v["seq"]]...)}
	})
}

// values are those of a record.
type values map[string]any

// text is a value that is text, "" where it is null.
func (v values) text(name string) string {
	s, _ := v[name].(string)
	return s
}

// rowsOf gives the rows of a relation among the records, in their order. It is
// never nil: nothing read is an empty list.
func rowsOf[T any](records []task.Record, relation string, form func(spot, values) T) []T {
	rows := []T{}
	for _, rec := range records {
		if rec.Relation == relation {
			rows = append(rows, form(spot{roundBox(rec.Box), confidenceOf(rec)}, rec.Values))
		}
	}
	return rows
}

// regionsOf gives the printed form of regions.
func regionsOf(regions []task.Region) []runRegion {
	out := []runRegion{}
	for _, r := range regions {
		c := round(r.Confidence, 4)
		out = append(out, runRegion{spot{roundBox(r.Box), &c}, r.Kind, r.Source})
	}
	return out
}

// wordsOf gives the words among the records, in reading order.
func wordsOf(records []task.Record) []runWord {
	words := []runWord{}
	for _, rec := range records {
		if rec.Relation != "word" {
			continue
		}
		text, _ := rec.Values["text"].(string)
		words = append(words, runWord{Text: text, Box: roundBox(rec.Box), Confidence: confidenceOf(rec), Source: rec.Source})
	}
	return words
}

// confidenceOf gives the model's confidence, or nil for what it did not read.
func confidenceOf(rec task.Record) *float64 {
	if rec.Source == task.SourceTextLayer {
		return nil
	}
	c := round(rec.Confidence, 4)
	return &c
}

// roundBox rounds to hundredths of a pixel: more is noise.
func roundBox(b task.Box) [4]float64 {
	return [4]float64{round(b.X0, 2), round(b.Y0, 2), round(b.X1, 2), round(b.Y1, 2)}
}

func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
