// Package task is the contract between Palimpsest and the programs that know a
// task: optical character recognition, tables, molecules and so on. A task
// sees a page as geometry, text layer and options, not as pixels (but for a
// glance at its regions where it asks for one, Info.Overview); it plans
// which parts of the page the model is to be shown and with which prompt, and
// turns the answers into records. The host runs the model, so a task holds no
// weights, and keeps nothing between calls: what it must remember travels in
// Ask.State and comes back in the Answer.
//
// The types here are plain Go. How they cross a process border (protobuf over
// gRPC, see taskpb/task.proto) is hidden behind Serve, which is all that the
// main function of a plugin calls, and Plugins, which package task/host uses
// for the other end.
//
// All page coordinates are pixels of the upright full-resolution page raster,
// origin top left, x to the right, y down, boxes half open.
package task

import (
	"context"
	"errors"
)

// Task turns pages into records by asking the model questions.
//
// Calls for different pages may come at the same time. No call may depend on
// an earlier one: the process may have died and been started anew between
// Plan and Read.
type Task interface {
	// Info says who the task is and what it emits. It is constant.
	Info() Info

	// Plan says what to ask about a page, at most Info.MaxAsks asks. A plan
	// without asks is answered by Read with no answers, which is how a task
	// handles a page that needs no model. The same page, options and profile
	// give the same plan. An error that wraps ErrInvalid refuses the page's
	// options or the profile; asking again would not help.
	Plan(ctx context.Context, page Page, how Profile) ([]Ask, error)

	// Read turns the answers of one round into records. Answers come in the
	// order of the asks, one for each. An empty, cut or nonsensical answer is
	// no error: models write those. When Reading.Asks is not empty the host
	// asks them and calls Read again with the answers of that round alone;
	// records and artifacts of all rounds are kept. Info.Rounds bounds how
	// often.
	Read(ctx context.Context, page Page, answers []Answer) (Reading, error)
}

// Finisher is implemented by tasks with something to say about a whole
// document once its last page is read. Asks in its Reading are ignored. A long
// document comes in parts, one call for each, in order. A file of the first
// part goes on with the artifacts of its name in later parts; what a later
// part is the first to name is a whole file.
type Finisher interface {
	Finish(ctx context.Context, doc Document) (Reading, error)
}

// ErrInvalid is wrapped by errors of Plan, Read and Finish that lie in what
// was handed in: an unknown option, a value outside its list, a profile
// without prompt. Repeating the call gives the same error.
var ErrInvalid = errors.New("invalid request to task")

// Info describes a task.
type Info struct {
	Name      string // lower-case letters, digits and underscores, at most 32, letter first
	Version   string // changes whenever answers would be read differently; part of the run's fingerprint
	Summary   string // one line for people
	Relations []Relation
	Options   []Option
	// Regions are the kinds of region that the task reads, of RegionKinds; none
	// for a task that looks at pages as a whole. Page.Regions then holds what
	// was found, or the whole page where nobody looked: where the checkpoint's
	// profile has no entry for RegionsTask, or asks for this task by ViewPage.
	Regions []string
	// Overview is the longer side, in pixels, of the pictures that the task wants
	// to see of its regions, at most MaxOverview; 0 for a task that sees no pixels.
	Overview int
	Rounds   int // how often Read may be called for one page, at least 1
	MaxAsks  int // most asks that one Plan or one Reading may hold, at least 1
}

// Option is a setting that a person may give a run.
type Option struct {
	Name    string
	Summary string
	Default string   // what a missing value means
	Values  []string // allowed values; empty when any text is allowed
}

// Relation is a typed kind of record; it becomes a table of its own. Box,
// polygon, confidence, source, page and run come with every record and are
// not listed as columns.
type Relation struct {
	Name    string
	Summary string
	Columns []Column
}

// Column is one typed value of a relation's records.
type Column struct {
	Name    string
	Type    ColumnType
	Summary string
}

// ColumnType says which Go values a column's cells hold.
type ColumnType string

// The column types, with the dynamic type of the values in Record.Values.
// A missing key or nil is a null of any type.
const (
	Text    ColumnType = "text"    // string
	Integer ColumnType = "integer" // int64
	Number  ColumnType = "number"  // float64
	Boolean ColumnType = "boolean" // bool
	JSON    ColumnType = "json"    // json.RawMessage
)

// OptionOr returns the page's value of an option, or the fallback if the
// option is missing or empty.
func (p Page) OptionOr(name, fallback string) string {
	if v := p.Options[name]; v != "" {
		return v
	}
	return fallback
}
