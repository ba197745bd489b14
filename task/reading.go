package task

// Fit says how a region becomes the model's square.
const (
	FitStretch   = "stretch"   // both sides scaled to the square on their own
	FitLetterbox = "letterbox" // scaled by one factor, white around
)

// Ask is one question to the model about one view of the page.
type Ask struct {
	ID        string // unique among the asks of a round; names it in logs
	Region    Box    // what is shown, page pixels; may stick out of the page, which is white there
	Size      int    // side of the model's square in pixels
	Fit       string // FitStretch or FitLetterbox
	Prompt    string // without image tokens, begin or newline: the engine adds those
	MaxTokens int    // the answer is cut after so many
	Grammar   string // language the answer is kept in and closed by, "" for none; docs/asking.md lists what there is
	State     []byte // comes back in the Answer, untouched
	Earlier   []int  // pages of Page.Earlier that are shown whole in front of the region, in this order
}

// Stop says why an answer ended.
type Stop string

// The stop reasons.
const (
	StopEnd    Stop = "end"    // the model ended it
	StopLength Stop = "length" // MaxTokens was reached
	StopLoop   Stop = "loop"   // the model repeated itself and was stopped
	StopBlank  Stop = "blank"  // the view shows no ink; the model was not asked
)

// Token is one token of an answer. Location tokens read <loc0000> to
// <loc1023>.
type Token struct {
	Text    string
	LogProb float64 // natural logarithm of the probability the model gave it
}

// Answer is what the model wrote for an Ask.
type Answer struct {
	Ask    Ask
	Text   string // without the end token
	Tokens []Token
	Stop   Stop
	ToPage Affine // the view's unit square (0..1 both ways) to page pixels
}

// The sources of a record.
const (
	SourceModel     = "model"      // read from pixels
	SourceTextLayer = "text_layer" // copied from the source's own text; never counts as reading
)

// Record is one row of a relation.
type Record struct {
	Relation   string
	Box        Box
	Polygon    []Point // optional, where an upright box says too little
	Confidence float64 // 0 to 1
	Source     string  // SourceModel or SourceTextLayer
	Values     map[string]any
}

// Artifact is a file made from a page or a document.
type Artifact struct {
	Name      string // a bare file name such as page.hocr
	MediaType string
	Content   []byte
}

// Reading is what a task makes of a round of answers.
type Reading struct {
	Records    []Record
	Artifacts  []Artifact
	Asks       []Ask    // another round, see Task.Read
	Unreadable string   // when not empty: why this page could not be read, for instance that the model only repeated itself
	Notes      []string // remarks for people, kept with the page
}
