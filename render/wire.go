package render

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// The parent and the child talk over two pipes in frames: four bytes of length,
// then JSON. Pixels go through a memory file both hold, as RGBA rows without
// gaps. The child answers every request once, in order.

// maxFrameBytes bounds one message; a page with MaxTextWords fits well.
const maxFrameBytes = 64 << 20

// request is what the parent asks.
type request struct {
	Op       string   `json:"op"` // "start" "open" "inspect" "page"
	Size     int64    `json:"size,omitempty"`
	Limits   Limits   `json:"limits"`
	Password string   `json:"password,omitempty"`
	DPI      float64  `json:"dpi,omitempty"`
	Rotate   bool     `json:"rotate,omitempty"`
	CacheDir string   `json:"cache_dir,omitempty"`
	Fonts    []string `json:"fonts,omitempty"`
	Engine   bool     `json:"-"` // "start" comes first: PDFium will be needed
	Page     int      `json:"page,omitempty"`
	Leave    leave    `json:"leave,omitzero"` // of "page"
	Patient  bool     `json:"patient,omitempty"`
	Unsealed bool     `json:"unsealed,omitempty"`
}

// answer is what the child says.
type answer struct {
	Error   *wireError  `json:"error,omitempty"`
	Info    *info       `json:"info,omitempty"`
	Inspect *inspection `json:"inspect,omitempty"`
	Page    *wirePage   `json:"page,omitempty"`
}

// wireError is an Error whose cause is text.
type wireError struct {
	Kind       Kind
	Op         string
	Limit      string
	Value, Max int64
	Hint       string
	Cause      string
}

// wirePage is a Page without its pixels.
type wirePage struct {
	Number     int        `json:"number"`
	Member     string     `json:"member,omitempty"`
	Width      int        `json:"width"`
	Height     int        `json:"height"`
	DPI        float64    `json:"dpi"`
	Rotation   int        `json:"rotation"`
	Skew       float64    `json:"skew"`
	ToSource   Affine     `json:"to_source"`
	SourceUnit string     `json:"unit"`
	Text       []TextWord `json:"text,omitempty"`
	Notes      []Note     `json:"notes,omitempty"`
	Lines      []TextLine `json:"lines,omitempty"`
	XHeight    float64    `json:"x_height"`
	Ink        float64    `json:"ink"`
	Blank      bool       `json:"blank"`
	DICOM      *DICOM     `json:"dicom,omitempty"`
}

// writeFrame sends one message.
func writeFrame(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxFrameBytes {
		return fmt.Errorf("a message of %d bytes is over the limit of %d", len(b), maxFrameBytes)
	}
	out := make([]byte, 4+len(b))
	binary.LittleEndian.PutUint32(out, uint32(len(b)))
	copy(out[4:], b)
	_, err = w.Write(out)
	return err
}

// readFrame receives one message.
func readFrame(r io.Reader, v any) error {
	var h [4]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(h[:])
	if n > maxFrameBytes {
		return fmt.Errorf("a message of %d bytes is over the limit of %d", n, maxFrameBytes)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// toWire flattens an error for the pipe.
func toWire(err error) *wireError {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = internal("render", err, "")
	}
	w := &wireError{Kind: e.Kind, Op: e.Op, Limit: e.Limit, Value: e.Value, Max: e.Max, Hint: e.Hint}
	if e.Err != nil {
		w.Cause = clip(e.Err.Error(), MaxNoteBytes)
	}
	return w
}

// error rebuilds it. The child may be in an attacker's hands: its text is cut
// and its kind must be one of ours.
func (w *wireError) error() *Error {
	e := &Error{Kind: w.Kind, Op: clip(w.Op, 40), Limit: clip(w.Limit, 40), Value: w.Value, Max: w.Max, Hint: clip(w.Hint, MaxNoteBytes)}
	switch e.Kind {
	case BadInput, TooLarge, Unsupported, Internal:
	default:
		e.Kind = Internal
	}
	if w.Cause != "" {
		e.Err = errors.New(clip(w.Cause, MaxNoteBytes))
	}
	return e
}

// pack drops the pixels.
func pack(p *Page) *wirePage {
	return &wirePage{
		Number: p.Number, Member: p.Member, Width: p.Image.Rect.Dx(), Height: p.Image.Rect.Dy(), DPI: p.DPI,
		Rotation: p.Rotation, Skew: p.Skew, ToSource: p.ToSource, SourceUnit: p.SourceUnit, Text: p.Text, Notes: p.Notes,
		Lines: p.Lines, XHeight: p.XHeight, Ink: p.Ink, Blank: p.Blank, DICOM: p.DICOM,
	}
}

// check refuses what no honest child sends.
func (w *wirePage) check(number int, l Limits) error {
	n := int64(w.Width) * int64(w.Height)
	switch {
	case w.Width <= 0 || w.Height <= 0 || w.Width > 4*MaxPageSide || w.Height > 4*MaxPageSide || n > l.RasterPixels:
		return fmt.Errorf("the raster is said to be %d x %d", w.Width, w.Height)
	case w.Number != number:
		return fmt.Errorf("page %d came for page %d", w.Number, number)
	case w.SourceUnit != "px" && w.SourceUnit != "pt" && w.SourceUnit != "mm":
		return errors.New("the source unit is unknown")
	case len(w.Text) > MaxTextWords:
		return fmt.Errorf("%d words came", len(w.Text))
	}
	numbers := append([]float64{w.DPI, w.Skew, w.XHeight, w.Ink}, w.ToSource[:]...)
	for _, t := range w.Text {
		numbers = append(numbers, t.Box[:]...)
	}
	for _, t := range w.Lines {
		numbers = append(append(numbers, t.Box[:]...), t.XHeight)
	}
	for _, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("a number is not finite")
		}
	}
	return nil
}

// unpack makes a Page without pixels.
func (w *wirePage) unpack() *Page {
	return &Page{
		Number: w.Number, Member: clip(w.Member, MaxNoteBytes), DPI: w.DPI, Rotation: w.Rotation, Skew: w.Skew,
		ToSource: w.ToSource, SourceUnit: w.SourceUnit, Text: w.Text, Notes: trimNotes(w.Notes), Lines: w.Lines, XHeight: w.XHeight,
		Ink: w.Ink, Blank: w.Blank, DICOM: w.DICOM.trusted(),
	}
}
