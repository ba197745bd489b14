package ingest

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"maps"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine"
	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

func TestEarlierPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number, pages, images int
		want                  []int
	}{
		{1, 2, 2, nil}, {2, 2, 2, []int{1}}, {3, 3, 4, []int{1, 2}}, {2, 3, 2, nil}, {2, 2, 1, nil}, {2, 2, 0, nil}, {2, 0, 2, nil},
	} {
		if got := EarlierPages(c.number, c.pages, task.Profile{Images: c.images}); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestReadPageShowsEarlierPages: a task that asks for it sees its regions and the
// pages before at a glance, and an ask shows those pages in front of its region.
func TestReadPageShowsEarlierPages(t *testing.T) {
	t.Parallel()
	fill := func(number int, c color.Color) Page {
		img := image.NewRGBA(image.Rect(0, 0, 400, 200))
		draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
		return Page{Page: task.Page{Document: "d", Number: number, Width: 400, Height: 200, Pages: 3, Facts: map[string]string{task.FactView: "PA"}}, Image: img}
	}
	page := fill(3, color.Gray{50})
	page.Before = []Page{fill(1, color.Gray{100}), fill(2, color.RGBA{200, 100, 0, 255})}
	var seen task.Page
	films := &scriptTask{
		info: task.Info{Name: "cxr", Version: "1", Rounds: 1, MaxAsks: 4, Regions: []string{task.RegionFilm}, Overview: 64},
		plan: func(p task.Page, how task.Profile) ([]task.Ask, error) {
			seen = p
			return []task.Ask{{ID: "a", Region: p.Bounds(), Size: how.Size, Fit: task.FitStretch, Prompt: "cxr", MaxTokens: 8, Earlier: []int{1, 2}}}, nil
		},
		read: func(task.Page, []task.Answer) (task.Reading, error) { return task.Reading{}, nil },
	}
	var shown []uint8
	m := &scriptModel{size: side, answer: func(_ context.Context, r engine.Request) (engine.Answer, error) {
		for _, img := range append([]*image.RGBA{r.Image}, r.More...) {
			shown = append(shown, img.Pix[0])
		}
		return engine.Answer{Stop: engine.StopEnd}, nil
	}}
	if _, err := ReadPage(t.Context(), m, films, page, recipe); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(shown, []uint8{100, 200, 50}) {
		t.Errorf("the model was shown pictures of grey %v, want those of pages 1, 2 and 3", shown)
	}
	if len(seen.Regions) != 1 || len(seen.Earlier) != 2 || seen.Earlier[1].Number != 2 || seen.Earlier[0].Facts[task.FactView] != "PA" {
		t.Fatalf("%+v", seen)
	}
	for i, o := range []*task.Overview{seen.Regions[0].Overview, seen.Earlier[0].Overview, seen.Earlier[1].Overview} {
		if o.Width != 64 || o.Height != 32 || len(o.Gray) != 64*32 || o.Gray[0] != []byte{50, 100, 119}[i] || o.Colour != []float64{0, 0, 1}[i] {
			t.Errorf("overview %d: %d x %d, grey %d, colour %g", i, o.Width, o.Height, o.Gray[0], o.Colour)
		}
	}
	page.Before = nil
	if _, err := ReadPage(t.Context(), m, films, page, recipe); err == nil || !strings.Contains(err.Error(), "earlier page 1") {
		t.Errorf("an ask shows a page that is not there: %v", err)
	}
}

// Nothing that names the patient is handed to a task or stored.
func TestFactsNameNobody(t *testing.T) {
	t.Parallel()
	got := factsOf(&render.DICOM{Modality: "DX", BodyPart: "CHEST", StudyUID: "1.2", Patient: &render.Patient{Name: "Doe^Jane", ID: "7", BirthDate: "19700101"}})
	if want := map[string]string{task.FactModality: "DX", task.FactBodyPart: "CHEST", task.FactStudy: "1.2"}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A checkpoint without a profile for the task is unsupported, and says what to do.
func TestNoProfile(t *testing.T) {
	t.Parallel()
	_, err := ProfileFor(task.ModelProfile{Name: "mini"}, "cxr")
	if f := Classify(err); f.Kind != store.KindUnsupported || !f.Final || f.Hint == "" || !strings.Contains(f.Message, `model mini has no profile for task "cxr"`) {
		t.Errorf("%+v", f)
	}
}
