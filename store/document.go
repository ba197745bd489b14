package store

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"palimpsest.dev/store/internal/db"
)

// DefaultTenant owns what is submitted without naming a tenant.
const DefaultTenant = "default"

// DocumentID is a UUID (version 7, so it sorts by time) in its canonical lower-case form.
type DocumentID string

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ParseDocumentID checks the form of an id that came from outside. A malformed one names no document, so the error is
// ErrNotFound.
func ParseDocumentID(s string) (DocumentID, error) {
	if !uuidForm.MatchString(s) {
		return "", fmt.Errorf("document id %.40q is not a UUID: %w", s, ErrNotFound)
	}
	return DocumentID(s), nil
}

// newDocumentID makes a UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random bits.
func newDocumentID(now time.Time) DocumentID {
	var u [16]byte
	rand.Read(u[6:]) // never fails: crypto/rand ends the program rather than give weak bytes
	ms := now.UnixMilli()
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u[:])
	return DocumentID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

// Kind says what went wrong, from a closed list that decides whether trying again can help.
type Kind string

// The kinds of failure.
const (
	KindBadInput    Kind = "bad_input"   // the bytes are damaged, encrypted or not what they claim
	KindTooLarge    Kind = "too_large"   // a limit was passed
	KindUnsupported Kind = "unsupported" // sound, but nothing here reads it
	KindModel       Kind = "model"       // the model or its task gave no usable answer
	KindInternal    Kind = "internal"    // our own fault or the machine's
)

// Kinds lists every kind.
var Kinds = []Kind{KindBadInput, KindTooLarge, KindUnsupported, KindModel, KindInternal}

// Failure is why a document, page or page run ended badly, for a person to read.
type Failure struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`         // what went wrong, and where
	Hint    string `json:"hint,omitempty"`  // what to do about it
	Limit   string `json:"limit,omitempty"` // name of the limit that was passed
	Page    int    `json:"page,omitempty"`  // page number where one is to blame
}

// json is the column's value: nil for no failure. Text Postgres would refuse is mended.
func (f *Failure) json() []byte {
	if f == nil {
		return nil
	}
	g := *f
	if !slices.Contains(Kinds, g.Kind) {
		g.Kind = KindInternal
	}
	g.Message, g.Hint, g.Limit = cleanText(g.Message), cleanText(g.Hint), cleanText(g.Limit)
	b, _ := json.Marshal(g) // strings and an int: cannot fail
	return b
}

func readFailure(b []byte) *Failure {
	if len(b) == 0 {
		return nil
	}
	f := new(Failure)
	if err := json.Unmarshal(b, f); err != nil {
		return &Failure{Kind: KindInternal, Message: "stored failure cannot be read: " + err.Error()}
	}
	return f
}

// Note is something noticed in a source and left inert: an attachment, a script, a page count that lies.
type Note struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Fingerprint names everything that decides what a run reads. Two runs of a task with equal options and equal
// fingerprints read the same.
type Fingerprint struct {
	Checkpoint string `json:"checkpoint"`        // hash of weights, configuration and tokenizer
	Adapter    string `json:"adapter"`           // hash of the adapter, if any
	Profile    string `json:"profile"`           // hash of the task's part of the profile
	Plugin     string `json:"plugin"`            // name, version and checksum of the task's program
	Renderer   string `json:"renderer"`          // version of the renderer
	Kernel     string `json:"kernel"`            // kernel set and arithmetic
	Regions    string `json:"regions,omitempty"` // digest of the run whose regions it reads; filled by the store
}

// Digest is the SHA-256, in hex, of the fingerprint's canonical JSON.
func (f Fingerprint) Digest() string {
	b, _ := json.Marshal(f) // a struct of strings has one encoding and cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// NewRun asks for one task over a document.
type NewRun struct {
	Task        string
	Options     map[string]string
	Fingerprint Fingerprint
	// Regions is the run of task RegionsTask that this one waits for, page by page; nil: it reads pages as a whole. A
	// document has one run of a digest, however many wait for it.
	Regions *NewRun
}

// fingerprint carries that of the run it waits for.
func (r NewRun) fingerprint() Fingerprint {
	if r.Regions != nil {
		r.Fingerprint.Regions = r.Regions.digest()
	}
	return r.Fingerprint
}

// digest covers task, options and fingerprint.
func (r NewRun) digest() string {
	return digestOf(r.Task, r.Options, r.fingerprint().Digest())
}

// NewDocument is a submission. The object named by Hash must be in the blob store before.
type NewDocument struct {
	Tenant         string // empty means DefaultTenant
	Name           string // file name, shown and searched, not trusted
	Hash           string // SHA-256 in hex of the content
	Bytes          int64
	IdempotencyKey string   // empty: every submission is a new document
	Password       string   // to open an encrypted source; erased once the pages are stored
	Runs           []NewRun // at least one; no task twice

	byKey bool // the same key is the same document, whatever else is asked: the key says it all
}

const (
	// maxNameBytes bounds a document's name: what common file systems take.
	maxNameBytes = 255
	// maxRuns bounds the tasks of one submission.
	maxRuns = 32
	// maxKeyBytes bounds an idempotency key.
	maxKeyBytes = 255
)

var (
	hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	taskForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)
)

func (d *NewDocument) check() error {
	if d.Tenant == "" {
		d.Tenant = DefaultTenant
	}
	d.Name = truncate(cleanText(d.Name), maxNameBytes)
	switch {
	case d.Name == "":
		return fmt.Errorf("store: submit: the document has no name: %w", ErrInvalid)
	case !hashForm.MatchString(d.Hash):
		return fmt.Errorf("store: submit %q: hash %.80q is not 64 hex digits: %w", d.Name, d.Hash, ErrInvalid)
	case d.Bytes < 0:
		return fmt.Errorf("store: submit %q: negative length: %w", d.Name, ErrInvalid)
	case len(d.Runs) == 0 || len(d.Runs) > maxRuns:
		return fmt.Errorf("store: submit %q: %d tasks asked for, must be 1 to %d: %w", d.Name, len(d.Runs), maxRuns, ErrInvalid)
	case len(d.IdempotencyKey) > maxKeyBytes || d.IdempotencyKey != cleanText(d.IdempotencyKey):
		return fmt.Errorf("store: submit %q: the idempotency key must be text of at most %d bytes: %w", d.Name, maxKeyBytes, ErrInvalid)
	}
	seen := map[string]bool{}
	for _, r := range d.Runs {
		if !taskForm.MatchString(r.Task) {
			return fmt.Errorf("store: submit %q: %.40q is not the name of a task: %w", d.Name, r.Task, ErrInvalid)
		}
		if seen[r.Task] {
			return fmt.Errorf("store: submit %q: task %s is asked for twice: %w", d.Name, r.Task, ErrInvalid)
		}
		if r.Regions != nil && (r.Regions.Task != RegionsTask || r.Task == RegionsTask) {
			return fmt.Errorf("store: submit %q: a run of %s cannot wait for one of %.40q: %w", d.Name, r.Task, r.Regions.Task, ErrInvalid)
		}
		seen[r.Task] = true
	}
	return nil
}

// requestDigest covers what a submitter decides; the fingerprint is the server's and may differ between two tries.
func (d *NewDocument) requestDigest() string {
	parts := []any{d.Name, d.Hash, d.Bytes}
	runs := slices.Clone(d.Runs)
	slices.SortFunc(runs, func(a, b NewRun) int { return cmp.Compare(a.Task, b.Task) })
	for _, r := range runs {
		parts = append(parts, r.Task, r.Options)
	}
	return digestOf(parts...)
}

// digestOf is the SHA-256, in hex, of the values as one JSON array; maps are encoded with sorted keys.
func digestOf(parts ...any) string {
	for i, p := range parts {
		if m, ok := p.(map[string]string); ok && m == nil {
			parts[i] = map[string]string{} // nil and empty options are the same request
		}
	}
	b, _ := json.Marshal(parts) // strings, numbers and maps of strings: cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Document is one submitted file.
type Document struct {
	ID             DocumentID
	Tenant         string
	Name           string
	Hash           string
	Bytes          int64
	Format         string // "pdf", "jpeg" ... once the source was looked at
	MediaType      string
	State          DocumentState
	Pages          int   // 0 until known
	OpenPageRuns   int   // page runs not yet final
	Revision       int64 // how often current rows were changed after it had ended
	Notes          []Note
	Failure        *Failure
	IdempotencyKey string
	Password       string `json:"-"` // filled by BeginIngest only
	Created        time.Time
	Updated        time.Time
	Finished       time.Time // zero until final
	Runs           []Run
}

// Run is one task over one document by one fingerprint.
type Run struct {
	ID          int64
	Task        string
	Options     map[string]string
	Fingerprint Fingerprint
	Digest      string
	State       RunState
	Created     time.Time
	Finished    time.Time
}

func readDocument(r db.Document, runs []db.Run) Document {
	d := Document{
		ID: DocumentID(r.ID), Tenant: r.Tenant, Name: r.Name, Hash: r.Hash, Bytes: r.Bytes, Format: r.Format,
		MediaType: r.MediaType, State: DocumentState(r.State), Pages: int(r.Pages), OpenPageRuns: int(r.OpenPageRuns), Revision: r.Revision,
		Failure: readFailure(r.Failure), IdempotencyKey: r.IdempotencyKey.String,
		Created: r.CreatedAt, Updated: r.UpdatedAt, Finished: r.FinishedAt.Time,
	}
	_ = json.Unmarshal(r.Notes, &d.Notes) // written by SetSource alone
	for _, run := range runs {
		d.Runs = append(d.Runs, readRun(run))
	}
	return d
}

func readRun(r db.Run) Run {
	run := Run{ID: r.ID, Task: r.Task, Digest: r.Digest, State: RunState(r.State), Created: r.CreatedAt, Finished: r.FinishedAt.Time}
	_ = json.Unmarshal(r.Options, &run.Options) // written by Submit alone
	_ = json.Unmarshal(r.Fingerprint, &run.Fingerprint)
	return run
}

// optionsJSON is the column's value; text Postgres would refuse is mended.
func optionsJSON(o map[string]string) []byte {
	clean := make(map[string]string, len(o))
	for k, v := range maps.All(o) {
		clean[cleanText(k)] = cleanText(v)
	}
	b, _ := json.Marshal(clean)
	return b
}
