package ingest

import (
	"math"
	"slices"

	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// WaitsForRegions reports whether a task reads the regions of a page that
// another run finds: where it reads regions at all, the profile asks for them,
// and the checkpoint knows how to find them.
func WaitsForRegions(info task.Info, how task.Profile, model task.ModelProfile) bool {
	_, finds := model.Tasks[task.RegionsTask]
	return finds && len(info.Regions) > 0 && how.View == task.ViewRegion
}

// RegionsFor gives those of a page's regions that a task reads, down the page.
// Nil, where nobody looked for any, stays nil; ReadPage then shows the task the
// whole page.
func RegionsFor(info task.Info, regions []task.Region) []task.Region {
	if len(info.Regions) == 0 || regions == nil {
		return nil
	}
	mine := []task.Region{}
	for _, r := range regions {
		if slices.Contains(info.Regions, r.Kind) && len(mine) < task.MaxRegions {
			mine = append(mine, r)
		}
	}
	task.SortDown(mine, func(r task.Region) task.Box { return r.Box })
	return mine
}

// shownRegions is what a task is given of the page's regions: those of its
// kinds, or, where nobody looked for any, the whole page.
func shownRegions(info task.Info, page task.Page) []task.Region {
	if len(info.Regions) > 0 && page.Regions == nil {
		return []task.Region{page.Whole(info.Regions[0])}
	}
	return RegionsFor(info, page.Regions)
}

// storedRegions gives stored regions in the form a task sees them; nil stays nil.
func storedRegions(stored []store.Region) []task.Region {
	if stored == nil {
		return nil
	}
	regions := []task.Region{}
	for _, r := range stored {
		confidence := r.Confidence
		if math.IsNaN(confidence) {
			confidence = 1 // nobody doubted it
		}
		regions = append(regions, task.Region{Kind: r.Kind, Box: taskBox(r.Box), Confidence: confidence, Source: r.Source})
	}
	return regions
}

// RegionsOf gives the regions that the task RegionsTask found on a page, for
// the tasks that wait for them. The result is never nil: somebody looked.
func RegionsOf(o Outcome) []task.Region {
	found := []task.Region{}
	for _, r := range o.Records {
		kind, _ := r.Values[task.KindColumn].(string)
		if r.Relation == task.RegionRelation {
			found = append(found, task.Region{Kind: kind, Box: r.Box, Confidence: r.Confidence, Source: r.Source})
		}
	}
	return found
}
