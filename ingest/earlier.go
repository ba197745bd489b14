package ingest

import (
	"context"
	"image"
	"math"
	"slices"

	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// What a task is given besides geometry: a glance at the pixels of its regions,
// what the source says of the image, and the pages in front of this one where the
// model can be shown several at once.

// EarlierPages says which pages in front of page number of a document of so many
// are read together with it: all of them, where the profile shows that many
// images at once. A longer document's pages are no films of one study.
func EarlierPages(number, pages int, how task.Profile) []int {
	if how.Images < 2 || pages > how.Images || number < 2 || number > pages {
		return nil
	}
	var out []int
	for n := 1; n < number; n++ {
		out = append(out, n)
	}
	return out
}

// look fills in the overviews of the page's regions and tells the task of the
// pages before it. A side of 0 asks for no overview.
func (pg *Page) look(side int) {
	pg.judged = side > 0 // a picture may be worth asking about without a stroke of ink
	pg.Regions = slices.Clone(pg.Regions)
	for i := range pg.Regions {
		pg.Regions[i].Overview = glance(pg.Image, pg.Regions[i].Box, side)
	}
	pg.Earlier = nil
	for _, b := range pg.Before {
		pg.Earlier = append(pg.Earlier, task.EarlierPage{Number: b.Number, Facts: b.Facts, Overview: glance(b.Image, b.Bounds(), side)})
	}
}

// tint is how far the channels of a pixel may lie apart before it has colour:
// compression leaves as much in a grey picture.
const tint = 24

// glance shrinks a part of a page to a grey picture whose longer side has so many
// pixels. A part that is smaller stays as it is.
func glance(img *image.RGBA, box task.Box, side int) *task.Overview {
	if side == 0 || img == nil || box.Empty() {
		return nil
	}
	scale := min(1, float64(side)/max(box.Width(), box.Height()))
	w, h := max(1, int(math.Round(scale*box.Width()))), max(1, int(math.Round(scale*box.Height())))
	small := render.Resize(img, boxOf(box), w, h)
	o := &task.Overview{Width: w, Height: h, Gray: make([]byte, w*h)}
	coloured := 0
	for i := range o.Gray {
		p := small.Pix[i/w*small.Stride+i%w*4:]
		o.Gray[i] = uint8((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000)
		if max(p[0], p[1], p[2])-min(p[0], p[1], p[2]) > tint {
			coloured++
		}
	}
	o.Colour = float64(coloured) / float64(w*h)
	return o
}

// earlierViews are the earlier pages that an ask shows, each whole in the model's
// square.
func (pg Page) earlierViews(ask task.Ask) (out []*image.RGBA) {
	for _, n := range ask.Earlier {
		for _, b := range pg.Before {
			if b.Number == n {
				view, _ := render.View(b.Image, boxOf(b.Bounds()), ask.Size, ask.Fit)
				out = append(out, view)
			}
		}
	}
	return out
}

// before fetches the pages that are read together with the one at hand; those
// that were stored without a picture are left out.
func (w *ReadWorker) before(ctx context.Context, work store.ReadWork, how task.Profile) ([]Page, error) {
	var out []Page
	for _, n := range EarlierPages(work.Page.Number, work.Document.Pages, how) {
		stored, err := w.Reads.Page(ctx, work.Document.ID, n)
		if err != nil {
			return nil, err
		}
		if stored.Failure != nil || stored.Blank || stored.RasterHash == "" {
			continue
		}
		page, err := w.page(ctx, store.ReadWork{Document: work.Document, Page: stored.Page, Run: work.Run})
		if err != nil {
			return nil, err
		}
		out = append(out, page)
	}
	return out, nil
}

// factsOf gives what a DICOM file says of its image by the keys of package task.
// The patient is not among it.
func factsOf(d *render.DICOM) map[string]string {
	if d == nil {
		return nil
	}
	out := map[string]string{}
	for key, value := range map[string]string{task.FactModality: d.Modality, task.FactBodyPart: d.BodyPart, task.FactView: d.View, task.FactStudy: d.StudyUID,
		task.FactSeries: d.SeriesUID, task.FactInstance: d.InstanceUID, task.FactImageKind: d.SOPClass} {
		if value != "" {
			out[key] = value
		}
	}
	return out
}
