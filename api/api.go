// Package api holds the wire types of Palimpsest's HTTP interface and a client for it.
// The server in package web and the command line share them, and other Go programs may
// use them as well; the package depends on the standard library alone.
//
// Coordinates everywhere are pixels of the upright full-resolution page, origin top
// left; boxes are half-open [x0, y0, x1, y1]. Confidences lie between 0 and 1.
package api

import (
	"encoding/json"
	"fmt"
	"time"
)

// Document is one submitted file.
type Document struct {
	ID        string    `json:"id" doc:"UUID of the document."`
	Name      string    `json:"name" doc:"File name as it was submitted."`
	State     string    `json:"state" enum:"received,ingesting,running,complete,partial,failed,cancelled" doc:"Where the document stands. partial: some pages failed; it is never called success."`
	Hash      string    `json:"hash" doc:"SHA-256 of the content, in hex."`
	Bytes     int64     `json:"bytes" doc:"Length of the content."`
	Format    string    `json:"format,omitempty" doc:"Format found in the content: pdf, jpeg, png, webp, gif, tiff, zip."`
	MediaType string    `json:"media_type,omitempty"`
	Pages     int       `json:"pages" doc:"Number of pages; 0 until known."`
	Progress  Progress  `json:"progress" doc:"Page runs by state."`
	Runs      []Run     `json:"runs" doc:"Tasks over this document."`
	Notes     []Note    `json:"notes,omitempty" doc:"Things found in the file and left inert."`
	Failure   *Failure  `json:"failure,omitempty" doc:"Why the document failed. Of a partial one, the pages say it."`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
	Finished  time.Time `json:"finished,omitzero"`
}

// Final says whether the document has come to its end, good or bad.
func (d Document) Final() bool {
	switch d.State {
	case "complete", "partial", "failed", "cancelled":
		return true
	}
	return false
}

// Progress counts the page runs of a document: one for every page and task.
type Progress struct {
	Total  int            `json:"total" doc:"All there will be, as far as the number of pages is known."`
	Open   int            `json:"open" doc:"Those stored and not yet at their end."`
	States map[string]int `json:"states,omitempty" doc:"How many are queued, running, done, blank, unreadable, failed, cancelled. Lists of documents leave it out."`
}

// Finished is how many page runs have come to their end.
func (p Progress) Finished() int {
	return p.States["done"] + p.States["blank"] + p.States["unreadable"] + p.States["failed"] + p.States["cancelled"]
}

// Run is one task over one document by one fingerprint of model, profile and programs.
type Run struct {
	ID          int64             `json:"id"`
	Task        string            `json:"task"`
	State       string            `json:"state"`
	Options     map[string]string `json:"options,omitempty"`
	Fingerprint string            `json:"fingerprint" doc:"Hash of everything that decides what is read."`
	Checkpoint  string            `json:"checkpoint,omitempty" doc:"Hash of the model's files."`
	Created     time.Time         `json:"created"`
	Finished    time.Time         `json:"finished,omitzero"`
}

// Note is something noticed in a file, such as an attachment or a script.
type Note struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Failure says why something ended badly.
type Failure struct {
	Kind    string `json:"kind" enum:"bad_input,too_large,unsupported,model,internal"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty" doc:"What to do about it."`
	Limit   string `json:"limit,omitempty" doc:"Name of the limit that was passed."`
	Page    int    `json:"page,omitempty"`
}

// DocumentList is one page of the list of documents, newest first.
type DocumentList struct {
	Documents []Document `json:"documents"`
	Next      string     `json:"next,omitempty" doc:"Value of \"after\" for the next page; absent on the last."`
}

// Page is one page of a document.
type Page struct {
	Number     int        `json:"number" doc:"1-based."`
	Width      int        `json:"width" doc:"Pixels of the upright page."`
	Height     int        `json:"height"`
	DPI        float64    `json:"dpi,omitempty" doc:"Resolution; absent if unknown."`
	Rotation   int        `json:"rotation" doc:"Degrees clockwise that made the page upright."`
	ToSource   [6]float64 `json:"to_source" doc:"x' = a*x + b*y + c, y' = d*x + e*y + f: from page pixels to the source's own units."`
	SourceUnit string     `json:"source_unit,omitempty" doc:"pt or px."`
	Member     string     `json:"member,omitempty" doc:"File name inside an archive."`
	Blank      bool       `json:"blank"`
	Failure    *Failure   `json:"failure,omitempty" doc:"Why the page could not be drawn."`
	Runs       []PageRun  `json:"runs"`
	Artifacts  []Artifact `json:"artifacts,omitempty"`
}

// PageRun is where one task stands on one page.
type PageRun struct {
	Task    string   `json:"task"`
	State   string   `json:"state" enum:"queued,running,done,blank,unreadable,failed,cancelled"`
	Model   string   `json:"model,omitempty"`
	Tokens  int      `json:"tokens,omitempty" doc:"Tokens that the model wrote."`
	Seconds float64  `json:"seconds,omitempty"`
	Notes   []string `json:"notes,omitempty" doc:"What a reader should know: images the page lacks, what the task found odd."`
	Failure *Failure `json:"failure,omitempty"`
}

// Artifact is a file made of a page or a document.
type Artifact struct {
	Task      string `json:"task"`
	Name      string `json:"name"`
	Page      int    `json:"page,omitempty" doc:"0 for files of the whole document."`
	MediaType string `json:"media_type"`
	Hash      string `json:"sha256" doc:"SHA-256 of the content, in hex."`
	Bytes     int64  `json:"bytes"`
	Link      string `json:"link" doc:"Where to fetch it."`
}

// ArtifactList is all files made of a document and its pages.
type ArtifactList struct {
	Files []Artifact `json:"files"`
}

// PageList is the pages of a document, in order.
type PageList struct {
	Pages []Page `json:"pages"`
	Next  string `json:"next,omitempty"`
}

// Record is one row that a task has read.
type Record struct {
	Relation   string         `json:"relation" doc:"Such as word or line."`
	Page       int            `json:"page"`
	Seq        int            `json:"seq" doc:"Place in reading order within page and relation."`
	Box        [4]float64     `json:"box"`
	Polygon    [][2]float64   `json:"polygon,omitempty"`
	Confidence *float64       `json:"confidence,omitempty" doc:"Between 0 and 1; absent where there is none."`
	Source     string         `json:"source" enum:"model,text_layer,person"`
	Model      string         `json:"model,omitempty"`
	Run        int64          `json:"run"`
	Values     map[string]any `json:"values" doc:"The relation's own columns."`
}

// Text is the record's column "text", which words and lines have.
func (r Record) Text() string {
	s, _ := r.Values["text"].(string)
	return s
}

// RecordList is one page of results.
type RecordList struct {
	Records []Record `json:"records"`
	Next    string   `json:"next,omitempty" doc:"Value of \"after\" for the next page; absent on the last."`
}

// Task is something that can be done with documents.
type Task struct {
	Name      string       `json:"name"`
	Version   string       `json:"version"`
	Summary   string       `json:"summary"`
	Options   []TaskOption `json:"options"`
	Relations []string     `json:"relations" doc:"What it reads; results are of the first unless another is asked for."`
}

// TaskOption is a setting of a task.
type TaskOption struct {
	Name    string   `json:"name"`
	Summary string   `json:"summary"`
	Default string   `json:"default"`
	Values  []string `json:"values,omitempty" doc:"The allowed values; any, if there are none."`
}

// TaskList is what this server can do.
type TaskList struct {
	Tasks []Task `json:"tasks"`
}

// Event is one change of a document, a page or a task on a page.
type Event struct {
	Document string `json:"document"`
	Page     int    `json:"page,omitempty" doc:"0 for the document itself."`
	Task     string `json:"task,omitempty"`
	State    string `json:"state"`
}

// Health says whether the server and what it stands on are well.
type Health struct {
	Status  string            `json:"status" enum:"ok,unavailable"`
	Version string            `json:"version,omitempty"`
	Checks  map[string]string `json:"checks,omitempty" doc:"ok, or what is wrong, by part."`
}

// Problem is an error as the interface reports it: RFC 9457 with a stable code, the page
// where one is to blame, and a hint.
type Problem struct {
	Type   string         `json:"type,omitempty" doc:"about:blank: the code says what it is."`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail,omitempty"`
	Code   string         `json:"code" doc:"Stable name of the problem." example:"too_large"`
	Page   int            `json:"page,omitempty"`
	Hint   string         `json:"hint,omitempty" doc:"What to do about it."`
	Limit  string         `json:"limit,omitempty" doc:"Name of the limit that was passed."`
	Errors []ProblemField `json:"errors,omitempty" doc:"What was wrong with the request, place by place."`
}

// ProblemField is one thing wrong with a request.
type ProblemField struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// The stable codes of problems. The kinds of Failure are codes too.
const (
	CodeBadInput    = "bad_input"   // the request or the file is malformed
	CodeTooLarge    = "too_large"   // a limit was passed
	CodeUnsupported = "unsupported" // sound, but nothing here does it
	CodeNotFound    = "not_found"   // no such document, page or task
	CodeFinal       = "final"       // the document has ended and cannot be changed
	CodeConflict    = "conflict"    // the idempotency key was used for something else
	CodeForbidden   = "forbidden"   // the request comes from another site
	CodeNotAllowed  = "not_allowed" // no such method here
	CodeUnavailable = "unavailable" // a part the server stands on does not answer
	CodeInternal    = "internal"    // our fault
	CodeCancelled   = "cancelled"   // the client went away
	CodeNotReady    = "not_ready"   // the page is not drawn yet
)

// Error tells what is wrong and what to do.
func (p *Problem) Error() string {
	s := p.Detail
	if s == "" {
		s = p.Title
	}
	for _, f := range p.Errors {
		s += fmt.Sprintf("; %s: %s", f.Location, f.Message)
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// GetStatus is the HTTP status of the problem.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of problems.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// decodeProblem reads a problem from the body of a response with an error status; what is
// no problem becomes one.
func decodeProblem(status int, title string, body []byte) *Problem {
	p := &Problem{}
	if err := json.Unmarshal(body, p); err != nil || p.Code == "" {
		p = &Problem{Title: title, Detail: fmt.Sprintf("the server answered %q without saying why", title), Code: CodeInternal,
			Hint: "is this a Palimpsest server, and is no proxy in between?"}
	}
	p.Status = status
	return p
}
