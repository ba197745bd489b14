package main

import (
	"fmt"
	"slices"
	"strings"

	"palimpsest.dev/plugins/cxr/film"
	"palimpsest.dev/task"
)

// gathering says what of a page is shown to the model.
type gathering struct {
	films   []task.Region // of this page
	earlier []int         // pages of the same study that are shown in front of it
	waits   bool          // the page is shown together with a later one
	refused []string      // why regions are no films
	notes   []string
}

// gather judges the page's regions and finds the other films of the study. In a
// document of at most as many pages as the model can be shown, all pages are
// taken for the films of one study and are shown together when the last of them
// is read, unless the option films says otherwise. What is no film is left out.
func gather(page task.Page, images int) gathering {
	var g gathering
	for _, r := range page.Regions {
		if why := refusal(page.Facts, r.Overview); why != "" {
			g.refused = append(g.refused, why)
		} else {
			g.films = append(g.films, r)
		}
	}
	whole := len(page.Regions) == 1 && page.Regions[0].Source == task.SourcePage
	if !whole || images < 2 || page.Pages < 2 || page.Pages > images || page.OptionOr(filmsOption, filmsTogether) == filmsEach {
		return g
	}
	if page.Number < page.Pages {
		g.waits = len(g.films) > 0
		if g.waits {
			g.notes = append(g.notes, fmt.Sprintf("read together with page %d", page.Pages))
		}
		return g
	}
	for _, e := range page.Earlier {
		switch why := refusal(e.Facts, e.Overview); {
		case why != "":
		case len(g.films) == 0:
			g.notes = append(g.notes, fmt.Sprintf("page %d waited for this page, which is no film, and was not read: read it with films=%s", e.Number, filmsEach))
		case otherStudy(e.Facts, page.Facts):
			g.notes = append(g.notes, fmt.Sprintf("page %d is a film of another study and was not read: read it with films=%s", e.Number, filmsEach))
		default:
			g.earlier = append(g.earlier, e.Number)
		}
	}
	slices.Sort(g.earlier)
	return g
}

func otherStudy(a, b map[string]string) bool {
	x, y := a[task.FactStudy], b[task.FactStudy]
	return x != "" && y != "" && x != y
}

// refusal says why something is no chest film; "" where it may be one. What the
// source says of its image counts first: its kind must be a projection
// radiograph's, and its part of the body the chest; where it says both, pixels
// are not asked. Otherwise the pixels decide, see package film.
func refusal(facts map[string]string, look *task.Overview) string {
	modality, part := strings.ToUpper(facts[task.FactModality]), strings.ToUpper(facts[task.FactBodyPart])
	switch {
	case modality != "" && !slices.Contains([]string{"CR", "DX", "RG", "XR"}, modality):
		return fmt.Sprintf("its source says that its modality is %.16s: a radiograph is CR or DX", modality)
	case part != "" && !slices.ContainsFunc([]string{"CHEST", "THORAX", "LUNG"}, func(s string) bool { return strings.Contains(part, s) }):
		return fmt.Sprintf("its source says that it shows %.32s, not the chest", part)
	case modality != "" && part != "" || look == nil:
		return ""
	}
	return film.Measure(look.Width, look.Height, look.Gray, look.Colour).Refusal()
}
