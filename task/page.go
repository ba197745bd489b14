package task

import (
	"cmp"
	"math"
	"slices"
)

// Box is a rectangle in page pixels, half open: X0 <= x < X1.
type Box struct{ X0, Y0, X1, Y1 float64 }

// Point is a place in page pixels.
type Point struct{ X, Y float64 }

// Affine is {a, b, c, d, e, f}: x' = a*x + b*y + c, y' = d*x + e*y + f.
type Affine [6]float64

// Page is what a task sees of a page: everything but the full pixels.
type Page struct {
	Document      string   // name of the document, for artifacts
	Number        int      // 1-based
	Width, Height int      // raster size in pixels
	DPI           float64  // 0 when unknown
	XHeight       float64  // median x-height of Lines in pixels, 0 when there are none
	Rotation      int      // degrees clockwise that were applied to make the page upright
	Text          []Word   // the source's own text layer, empty when it has none
	Lines         []Line   // text-like lines found in the pixels
	Regions       []Region // of the kinds that Info.Regions names, down the page; none where there are none
	Options       map[string]string
	Raster        string // name of the page image, for artifacts that point at it
	Pages         int    // how many the document has; 0 when unknown
	// Facts are what the source says of its image by the keys below. Nothing in
	// them names a patient.
	Facts map[string]string
	// Earlier are the pages in front of this one that an ask may show beside it,
	// in their order. A page has some only where the profile shows several images
	// at once and the document has no more pages than that.
	Earlier []EarlierPage
}

// Keys of Page.Facts; DICOM files have them.
const (
	FactModality  = "modality"     // CR, DX, CT ...
	FactBodyPart  = "body_part"    // CHEST ...
	FactView      = "view"         // PA, AP, LL ...
	FactStudy     = "study_uid"    // of the study, the series and the image
	FactSeries    = "series_uid"   //
	FactInstance  = "instance_uid" //
	FactImageKind = "sop_class"    // UID of the kind of image
)

// EarlierPage is a page in front of the one that is read.
type EarlierPage struct {
	Number   int
	Facts    map[string]string
	Overview *Overview // where Info.Overview asks for it
}

// Overview is a picture shrunk to a glance: what a task is shown of the pixels
// if it asks for that.
type Overview struct {
	Width, Height int
	Gray          []byte  // Width x Height, rows from the top, 0 black
	Colour        float64 // share of the pixels that are no shade of grey, 0 to 1
}

// Word is a piece of the text layer and where the source says it stands.
type Word struct {
	Text string
	Box  Box
}

// Line is a text-like line found in the pixels.
type Line struct {
	Box     Box
	XHeight float64 // pixels
}

// Document is what a Finisher sees: every page with what was read on it. A
// document of more than MaxFinishPages pages is shown in parts, in order.
type Document struct {
	ID, Name string
	Pages    []DocumentPage
	Part     int // which part of the document Pages are, from 1; 0: all of it
	Parts    int // of how many
}

// First reports whether the document begins with these pages.
func (d Document) First() bool { return d.Part <= 1 }

// Last reports whether the document ends with these pages.
func (d Document) Last() bool { return d.Part >= d.Parts }

// DocumentPage is one page of a Document.
type DocumentPage struct {
	Page    Page
	State   string // "done", "blank", "unreadable", "failed" or "cancelled"
	Records []Record
}

// Width of the box, never negative.
func (b Box) Width() float64 { return max(0, b.X1-b.X0) }

// Height of the box, never negative.
func (b Box) Height() float64 { return max(0, b.Y1-b.Y0) }

// Area of the box, 0 for an empty one.
func (b Box) Area() float64 { return b.Width() * b.Height() }

// Empty reports whether the box holds no point. A box with a NaN is empty.
func (b Box) Empty() bool { return !(b.X0 < b.X1 && b.Y0 < b.Y1) }

// Intersect returns the part that both boxes cover, possibly empty.
func (b Box) Intersect(o Box) Box {
	return Box{max(b.X0, o.X0), max(b.Y0, o.Y0), min(b.X1, o.X1), min(b.Y1, o.Y1)}
}

// Union returns the smallest box around both. An empty box adds nothing.
func (b Box) Union(o Box) Box {
	if b.Empty() {
		return o
	}
	if o.Empty() {
		return b
	}
	return Box{min(b.X0, o.X0), min(b.Y0, o.Y0), max(b.X1, o.X1), max(b.Y1, o.Y1)}
}

// Contains reports whether o lies in b, within eps pixels.
func (b Box) Contains(o Box, eps float64) bool {
	return o.X0 >= b.X0-eps && o.Y0 >= b.Y0-eps && o.X1 <= b.X1+eps && o.Y1 <= b.Y1+eps
}

// IoU is the intersection's share of the union's area, 0 to 1.
func (b Box) IoU(o Box) float64 {
	i := b.Intersect(o).Area()
	if i == 0 {
		return 0
	}
	return i / (b.Area() + o.Area() - i)
}

// Finite reports whether all four numbers are numbers and not infinite.
func (b Box) Finite() bool {
	s := b.X0 + b.Y0 + b.X1 + b.Y1 // NaN and infinities survive addition
	return !math.IsNaN(s) && !math.IsInf(s, 0)
}

// Bounds is the page's raster as a box.
func (p Page) Bounds() Box { return Box{0, 0, float64(p.Width), float64(p.Height)} }

// Apply maps a point.
func (a Affine) Apply(p Point) Point {
	return Point{a[0]*p.X + a[1]*p.Y + a[2], a[3]*p.X + a[4]*p.Y + a[5]}
}

// ApplyBox maps a box and returns the upright box around its four corners.
func (a Affine) ApplyBox(b Box) Box {
	out := Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, c := range [4]Point{{b.X0, b.Y0}, {b.X1, b.Y0}, {b.X0, b.Y1}, {b.X1, b.Y1}} {
		q := a.Apply(c)
		out = Box{min(out.X0, q.X), min(out.Y0, q.Y), max(out.X1, q.X), max(out.Y1, q.Y)}
	}
	return out
}

// SortDown orders what lies on a page from top to bottom; what stands beside
// one another, from left to right.
func SortDown[T any](s []T, box func(T) Box) {
	slices.SortStableFunc(s, func(a, b T) int {
		return cmp.Or(cmp.Compare(box(a).Y0, box(b).Y0), cmp.Compare(box(a).X0, box(b).X0))
	})
	// What begins before the one above it in this order has ended stands beside it.
	for i := 1; i < len(s); i++ {
		for k := i; k > 0; k-- {
			left, right := box(s[k]), box(s[k-1])
			overlap := min(left.Y1, right.Y1) - max(left.Y0, right.Y0)
			if left.X1 > right.X0+1 || overlap < 0.5*min(left.Height(), right.Height()) {
				break
			}
			s[k], s[k-1] = s[k-1], s[k]
		}
	}
}
