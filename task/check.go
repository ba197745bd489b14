package task

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// identifier is what task, relation, column and option names look like: they
// become names of programs, tables and columns.
var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// reserved are columns that every record has anyway.
var reserved = []string{"run", "page", "box", "polygon", "confidence", "source", "document", "relation", "id"}

// Check reports the first thing in the description that a host cannot work
// with.
func (in Info) Check() error {
	switch {
	case !identifier.MatchString(in.Name):
		return fmt.Errorf("task name %q: want %s", in.Name, identifier)
	case in.Version == "" || len(in.Version) > 128:
		return fmt.Errorf("task %s: version of %d bytes: want 1 to 128", in.Name, len(in.Version))
	case in.Summary == "":
		return fmt.Errorf("task %s: no summary", in.Name)
	case in.Rounds < 1 || in.Rounds > MaxRounds:
		return fmt.Errorf("task %s: %d rounds: want 1 to %d", in.Name, in.Rounds, MaxRounds)
	case in.MaxAsks < 1 || in.MaxAsks > MaxAsks:
		return fmt.Errorf("task %s: %d asks: want 1 to %d", in.Name, in.MaxAsks, MaxAsks)
	case len(in.Relations) > maxRelations || len(in.Options) > maxOptions:
		return fmt.Errorf("task %s: %d relations and %d options: at most %d and %d", in.Name, len(in.Relations), len(in.Options), maxRelations, maxOptions)
	}
	seen := map[string]bool{}
	for _, r := range in.Relations {
		if !identifier.MatchString(r.Name) || seen[r.Name] {
			return fmt.Errorf("task %s: relation %q: want a name of its own that matches %s", in.Name, r.Name, identifier)
		}
		seen[r.Name] = true
		if err := r.check(); err != nil {
			return fmt.Errorf("task %s: relation %s: %w", in.Name, r.Name, err)
		}
	}
	if in.Overview < 0 || in.Overview > MaxOverview {
		return fmt.Errorf("task %s: overview of %d pixels: want 0 to %d", in.Name, in.Overview, MaxOverview)
	}
	for i, kind := range in.Regions {
		if !slices.Contains(RegionKinds(), kind) || slices.Contains(in.Regions[:i], kind) {
			return fmt.Errorf("task %s: region kind %q: want some of %q, none twice", in.Name, kind, RegionKinds())
		}
	}
	seen = map[string]bool{}
	for _, o := range in.Options {
		if !identifier.MatchString(o.Name) || seen[o.Name] {
			return fmt.Errorf("task %s: option %q: want a name of its own that matches %s", in.Name, o.Name, identifier)
		}
		seen[o.Name] = true
		if len(o.Values) > 0 && !slices.Contains(o.Values, o.Default) {
			return fmt.Errorf("task %s: option %s: default %q is none of its values %q", in.Name, o.Name, o.Default, o.Values)
		}
	}
	return nil
}

func (r Relation) check() error {
	if len(r.Columns) == 0 || len(r.Columns) > maxColumns {
		return fmt.Errorf("%d columns: want 1 to %d", len(r.Columns), maxColumns)
	}
	seen := map[string]bool{}
	for _, c := range r.Columns {
		if !identifier.MatchString(c.Name) || seen[c.Name] || slices.Contains(reserved, c.Name) {
			return fmt.Errorf("column %q: want a name of its own that matches %s and is none of %q", c.Name, identifier, reserved)
		}
		seen[c.Name] = true
		switch c.Type {
		case Text, Integer, Number, Boolean, JSON:
		default:
			return fmt.Errorf("column %s: unknown type %q", c.Name, c.Type)
		}
	}
	return nil
}

// CheckOptions reports an option that the task does not have or a value that
// the option does not take; the error wraps ErrInvalid.
func (in Info) CheckOptions(options map[string]string) error {
	for name, value := range options {
		i := slices.IndexFunc(in.Options, func(o Option) bool { return o.Name == name })
		if i < 0 {
			return fmt.Errorf("%w: task %s has no option %q", ErrInvalid, in.Name, name)
		}
		if o := in.Options[i]; value != "" && len(o.Values) > 0 && !slices.Contains(o.Values, value) {
			return fmt.Errorf("%w: option %s=%q of task %s: want one of %s", ErrInvalid, name, value, in.Name, strings.Join(o.Values, ", "))
		}
	}
	return nil
}

// CheckPlan refuses a page or a profile that no plan can be made from, and options that the task does not have.
func (in Info) CheckPlan(page Page, how Profile) error {
	if err := in.CheckOptions(page.Options); err != nil {
		return err
	}
	if err := how.Check(); err != nil {
		return fmt.Errorf("%w: profile: %w", ErrInvalid, err)
	}
	if page.Width < 1 || page.Height < 1 {
		return fmt.Errorf("%w: page of %d x %d pixels", ErrInvalid, page.Width, page.Height)
	}
	if err := page.checkRegions(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// CheckAsks holds a round of asks against the task's bounds and the page.
func (in Info) CheckAsks(page Page, asks []Ask) error {
	if len(asks) > in.MaxAsks {
		return fmt.Errorf("%d asks: at most %d", len(asks), in.MaxAsks)
	}
	seen := make(map[string]bool, len(asks))
	for i, a := range asks {
		switch {
		case a.ID == "" || len(a.ID) > 128 || seen[a.ID]:
			return fmt.Errorf("ask %d: id %.140q: want one of its own, 1 to 128 bytes", i, a.ID)
		case a.Size < 1 || a.Size > MaxSide:
			return fmt.Errorf("ask %s: size %d: want 1 to %d", a.ID, a.Size, MaxSide)
		case a.Fit != FitStretch && a.Fit != FitLetterbox:
			return fmt.Errorf("ask %s: fit %q: want %s or %s", a.ID, a.Fit, FitStretch, FitLetterbox)
		case len(a.Prompt) > MaxPrompt || !utf8.ValidString(a.Prompt):
			return fmt.Errorf("ask %s: prompt of %d bytes: want valid UTF-8, at most %d", a.ID, len(a.Prompt), MaxPrompt)
		case a.MaxTokens < 1 || a.MaxTokens > MaxTokens:
			return fmt.Errorf("ask %s: %d tokens: want 1 to %d", a.ID, a.MaxTokens, MaxTokens)
		case len(a.Grammar) > maxGrammar || !utf8.ValidString(a.Grammar):
			return fmt.Errorf("ask %s: grammar %.140q: want the name of one, at most %d bytes", a.ID, a.Grammar, maxGrammar)
		case len(a.State) > MaxState:
			return fmt.Errorf("ask %s: state of %d bytes: at most %d", a.ID, len(a.State), MaxState)
		case !a.Region.Finite() || a.Region.Empty():
			return fmt.Errorf("ask %s: region %v is empty", a.ID, a.Region)
		case a.Region.Intersect(page.Bounds()).Empty():
			return fmt.Errorf("ask %s: region %v lies outside the page of %d x %d", a.ID, a.Region, page.Width, page.Height)
		case a.Region.Width() > 64*float64(page.Width+page.Height) || a.Region.Height() > 64*float64(page.Width+page.Height):
			return fmt.Errorf("ask %s: region %v is far larger than the page", a.ID, a.Region)
		}
		if err := a.checkEarlier(page); err != nil {
			return fmt.Errorf("ask %s: %w", a.ID, err)
		}
		seen[a.ID] = true
	}
	return nil
}

// checkEarlier refuses earlier pages that the ask cannot be shown.
func (a Ask) checkEarlier(page Page) error {
	if len(a.Earlier) >= MaxImages {
		return fmt.Errorf("%d earlier pages: at most %d", len(a.Earlier), MaxImages-1)
	}
	for i, n := range a.Earlier {
		there := slices.ContainsFunc(page.Earlier, func(e EarlierPage) bool { return e.Number == n })
		if !there || slices.Contains(a.Earlier[:i], n) {
			return fmt.Errorf("earlier page %d: it is none that may be shown beside page %d, or named twice", n, page.Number)
		}
	}
	return nil
}

// CheckReading holds a reading of a page against the task's own description
// and the page. The round is 1 for the first call of Read.
func (in Info) CheckReading(page Page, round int, r Reading) error {
	if len(r.Asks) > 0 && round >= in.Rounds {
		return fmt.Errorf("reading asks for round %d: the task declares %d", round+1, in.Rounds)
	}
	if err := in.CheckAsks(page, r.Asks); err != nil {
		return err
	}
	if len(r.Records) > MaxRecords {
		return fmt.Errorf("%d records: at most %d", len(r.Records), MaxRecords)
	}
	columns := make(map[string]map[string]ColumnType, len(in.Relations))
	for _, rel := range in.Relations {
		columns[rel.Name] = make(map[string]ColumnType, len(rel.Columns))
		for _, c := range rel.Columns {
			columns[rel.Name][c.Name] = c.Type
		}
	}
	for i, rec := range r.Records {
		types, ok := columns[rec.Relation]
		if !ok {
			return fmt.Errorf("record %d: relation %q is not declared", i, rec.Relation)
		}
		if err := rec.check(page, types); err != nil {
			return fmt.Errorf("record %d (%s): %w", i, rec.Relation, err)
		}
	}
	return checkExtras(r)
}

func (rec Record) check(page Page, types map[string]ColumnType) error {
	switch {
	case !rec.Box.Finite() || rec.Box.Empty():
		return fmt.Errorf("box %v is empty", rec.Box)
	case !page.Bounds().Contains(rec.Box, 1):
		return fmt.Errorf("box %v lies outside the page of %d x %d", rec.Box, page.Width, page.Height)
	case !(rec.Confidence >= 0 && rec.Confidence <= 1):
		return fmt.Errorf("confidence %g: want 0 to 1", rec.Confidence)
	case rec.Source != SourceModel && rec.Source != SourceTextLayer:
		return fmt.Errorf("source %q: want %s or %s", rec.Source, SourceModel, SourceTextLayer)
	case len(rec.Polygon) > maxPolygon:
		return fmt.Errorf("polygon of %d points: at most %d", len(rec.Polygon), maxPolygon)
	}
	for _, p := range rec.Polygon {
		if !page.Bounds().Contains(Box{p.X, p.Y, p.X, p.Y}, 1) { // NaN fails every comparison
			return fmt.Errorf("polygon point %v lies outside the page", p)
		}
	}
	for name, v := range rec.Values {
		t, ok := types[name]
		if !ok {
			return fmt.Errorf("column %q is not declared", name)
		}
		if err := checkValue(t, v); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	return nil
}

func checkValue(t ColumnType, v any) error {
	ok := v == nil
	switch v := v.(type) {
	case string:
		if ok = t == Text; ok && (len(v) > maxTextBytes || !utf8.ValidString(v) || strings.ContainsRune(v, 0)) {
			return fmt.Errorf("text of %d bytes: want valid UTF-8 without zero bytes, at most %d", len(v), maxTextBytes)
		}
	case int64, int:
		ok = t == Integer
	case float64:
		if ok = t == Number; ok && (math.IsNaN(v) || math.IsInf(v, 0)) {
			return fmt.Errorf("number %g", v)
		}
	case bool:
		ok = t == Boolean
	case json.RawMessage:
		if ok = t == JSON; ok && (len(v) > maxTextBytes || !json.Valid(v)) {
			return fmt.Errorf("JSON of %d bytes: want valid JSON of at most %d", len(v), maxTextBytes)
		}
	}
	if !ok {
		return fmt.Errorf("value of type %T in a column of type %s", v, t)
	}
	return nil
}

// artifactName keeps an artifact inside the folder it is written to.
var artifactName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$`)

func checkExtras(r Reading) error {
	if len(r.Artifacts) > MaxArtifacts {
		return fmt.Errorf("%d artifacts: at most %d", len(r.Artifacts), MaxArtifacts)
	}
	seen := map[string]bool{}
	for _, a := range r.Artifacts {
		if !artifactName.MatchString(a.Name) || seen[a.Name] {
			return fmt.Errorf("artifact %.140q: want a bare file name of its own", a.Name)
		}
		if a.MediaType == "" || strings.ContainsAny(a.MediaType, "\r\n") {
			return fmt.Errorf("artifact %s: media type %.140q", a.Name, a.MediaType)
		}
		seen[a.Name] = true
	}
	if len(r.Notes) > maxNotes {
		return fmt.Errorf("%d notes: at most %d", len(r.Notes), maxNotes)
	}
	for _, n := range append([]string{r.Unreadable}, r.Notes...) {
		if len(n) > maxNoteBytes || !utf8.ValidString(n) {
			return fmt.Errorf("note of %d bytes: want valid UTF-8, at most %d", len(n), maxNoteBytes)
		}
	}
	return nil
}

// CheckDocumentReading holds what Finish returned against the bounds: it may
// bring artifacts and notes, nothing else.
func (in Info) CheckDocumentReading(r Reading) error {
	if len(r.Records) > 0 || len(r.Asks) > 0 {
		return fmt.Errorf("finish returned %d records and %d asks: want artifacts and notes only", len(r.Records), len(r.Asks))
	}
	return checkExtras(r)
}
