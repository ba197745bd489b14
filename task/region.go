package task

import (
	"fmt"
	"slices"
)

// The kinds of region that a page is made of.
const (
	RegionText     = "text"     // running text
	RegionTable    = "table"    // a table with its rules
	RegionMolecule = "molecule" // a drawn molecule without its label
	RegionStaff    = "staff"    // a system of music: its staves and all that belongs to them
	RegionFilm     = "film"     // a radiograph
	RegionPicture  = "picture"  // any other picture
)

// RegionKinds lists the kinds of region in the order in which the model is asked for them.
func RegionKinds() []string {
	return []string{RegionText, RegionTable, RegionMolecule, RegionStaff, RegionFilm, RegionPicture}
}

// RegionsTask is the name of the task that finds regions, and RegionRelation
// that of its relation. The host runs it once for a document and checkpoint;
// tasks that read regions wait for it.
const (
	RegionsTask    = "regions"
	RegionRelation = "region"
	KindColumn     = "kind" // of RegionRelation: one of RegionKinds
)

// The sources of a region, besides SourceModel.
const (
	SourcePerson = "person" // drawn by hand; wins over what the model found
	SourcePage   = "page"   // nobody looked for regions: the whole page
)

// SameRegion is the overlap (intersection over union) from which two boxes of
// a kind are taken for one region found twice.
const SameRegion = 0.6

// Region is a part of the page that holds something of one kind.
type Region struct {
	Kind       string // one of RegionKinds
	Box        Box    // on the page, not empty
	Confidence float64
	Source     string    // SourceModel, SourcePerson or SourcePage
	Overview   *Overview // where Info.Overview asks for it
}

// Whole is the page as one region of a kind: what a task is given that reads
// regions of a page on which nobody looked for them.
func (p Page) Whole(kind string) Region {
	return Region{Kind: kind, Box: p.Bounds(), Confidence: 1, Source: SourcePage}
}

// AskRegions asks the profile's question about each region of the page, in
// their order, at most as many as the task may ask. Around a region that was
// found or drawn, margin says how many pixels more of the page are shown; the
// whole page has none. It refuses a profile that would cut the page into
// tiles: what a region holds is read as a whole.
func (in Info) AskRegions(page Page, how Profile, margin func(Box) float64, state []byte) ([]Ask, error) {
	if how.View != ViewPage && how.View != ViewRegion {
		return nil, fmt.Errorf("%w: profile: view %q: what the task %s reads is read as a whole; it knows %s and %s",
			ErrInvalid, how.View, in.Name, ViewPage, ViewRegion)
	}
	var asks []Ask
	for i, r := range page.Regions[:min(len(page.Regions), in.MaxAsks)] {
		ask := Ask{ID: fmt.Sprintf("r%d", i), Region: r.Box, Size: how.Size, Fit: how.Fit, Prompt: how.Prompt,
			MaxTokens: how.MaxTokens, Grammar: how.Grammar, State: state}
		if r.Source == SourcePage {
			ask.ID = "page"
		} else {
			m := max(1, margin(r.Box))
			ask.Region = Box{r.Box.X0 - m, r.Box.Y0 - m, r.Box.X1 + m, r.Box.Y1 + m}.Intersect(page.Bounds())
		}
		asks = append(asks, ask)
	}
	return asks, nil
}

// LeftOut says how many regions of a page AskRegions does not ask about, as a
// note for people; "" for none.
func (in Info) LeftOut(page Page) string {
	if n := len(page.Regions); n > in.MaxAsks {
		return fmt.Sprintf("%d regions were found, the first %d are read", n, in.MaxAsks)
	}
	return ""
}

// checkRegions refuses regions that no view could be cut for.
func (p Page) checkRegions() error {
	if len(p.Regions) > MaxRegions {
		return fmt.Errorf("%d regions: at most %d", len(p.Regions), MaxRegions)
	}
	for i, r := range p.Regions {
		switch {
		case !slices.Contains(RegionKinds(), r.Kind):
			return fmt.Errorf("region %d: kind %q: want one of %q", i, r.Kind, RegionKinds())
		case !r.Box.Finite() || r.Box.Empty() || !p.Bounds().Contains(r.Box, 1):
			return fmt.Errorf("region %d: box %v is empty or not on the page of %d x %d", i, r.Box, p.Width, p.Height)
		case !r.Overview.whole():
			return fmt.Errorf("region %d: its overview does not have Width x Height bytes, more than %d along a side, or no share of colour", i, MaxOverview)
		case r.Source != SourceModel && r.Source != SourcePerson && r.Source != SourcePage:
			return fmt.Errorf("region %d: source %q: want %s, %s or %s", i, r.Source, SourceModel, SourcePerson, SourcePage)
		}
	}
	return nil
}

// whole reports whether an overview has the bytes it says; none is whole.
func (o *Overview) whole() bool {
	return o == nil || o.Width >= 1 && o.Height >= 1 && max(o.Width, o.Height) <= MaxOverview && len(o.Gray) == o.Width*o.Height && o.Colour >= 0 && o.Colour <= 1
}
