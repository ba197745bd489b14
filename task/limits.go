package task

// Bounds on what crosses the border between host and task. They are far above
// what a page needs; what passes them is a mistake or an attack.
const (
	MaxSide         = 4096      // pixels along a view's side
	MaxTokens       = 16384     // tokens of one answer
	MaxAsks         = 4096      // asks of one round
	MaxRounds       = 8         // rounds of one page
	MaxPrompt       = 4096      // bytes of a prompt
	MaxState        = 1 << 20   // bytes of Ask.State
	MaxRecords      = 200_000   // records of one reading
	MaxArtifacts    = 192       // artifacts of one reading: some for each of MaxFinishPages, and the document's
	MaxRegions      = 512       // regions of one page
	MaxOverview     = 256       // pixels along an overview's side
	MaxImages       = 16        // pictures that one ask shows
	MaxFinishPages  = 32        // pages of one call of Finish
	MaxMessageBytes = 128 << 20 // bytes of one call's request or reply on the wire
	maxGrammar      = 64        // bytes of a grammar's name
	maxRelations    = 64
	maxColumns      = 128
	maxOptions      = 64
	maxNotes        = 256
	maxNoteBytes    = 4096
	maxTextBytes    = 1 << 20 // bytes of one text or JSON cell
	maxPolygon      = 1024    // points
)
