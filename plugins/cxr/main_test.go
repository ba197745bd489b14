package main

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

var program = tasktest.NewProgram("cxr")

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// profiles are how a model may be asked for reports.
var profiles = map[string]task.Profile{
	"page":     {Prompt: "cxr[ {indication}]", View: task.ViewPage, Fit: task.FitLetterbox, Box: task.BoxNone, Size: 448, LocBins: 1024, MaxTokens: 512},
	"together": {Prompt: "INDICATIONS: {indication}", View: task.ViewPage, Fit: task.FitLetterbox, Box: task.BoxNone, Size: 896, LocBins: 1024, MaxTokens: 512, Images: 2},
	"region":   {Prompt: "cxr", View: task.ViewRegion, Fit: task.FitLetterbox, Box: task.BoxNone, Size: 448, LocBins: 1024, MinConfidence: 0.3, MaxTokens: 512},
}

// conformance is what the suite needs to know: profiles that the task takes, one
// that it refuses, and answers that it can read.
func conformance() tasktest.Config {
	return tasktest.Config{
		Profiles: []task.Profile{profiles["page"], profiles["together"], profiles["region"],
			{Prompt: "cxr", View: task.ViewTiles, Fit: task.FitStretch, Box: task.BoxNone, Size: 224, XHeight: 9, XHeightMin: 7, XHeightMax: 13, LocBins: 1024, MaxTokens: 512},
		},
		Answers: []string{
			"FINDINGS: The heart is enlarged. No pneumothorax. IMPRESSION: Cardiomegaly, unchanged.",
			"The lungs are clear. There may be a small effusion",
			"INDICATION: x IMPRESSION:",
		},
	}
}

func TestConformanceInProcess(t *testing.T) {
	t.Parallel()
	c := conformance()
	c.Open = func(testing.TB) task.Task { return cxr{} }
	tasktest.Run(t, c)
}

func TestConformanceAsProgram(t *testing.T) {
	t.Parallel()
	tasktest.RunProgram(t, "cxr", program.Path(t), conformance())
}

// The indication stands in the prompt as it was given, where the profile says.
func TestPrompt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ prompt, indication, want string }{
		{"cxr[ {indication}]", "Cough, fever.", "cxr Cough, fever."},
		{"cxr[ {indication}]", "", "cxr"},
		{"INDICATIONS: {indication}", "", "INDICATIONS: "},
		{"[Indication: {indication}\n]describe", " A\u00a0cough\n\tfor 3 days \x00", "Indication: A cough for 3 days\ndescribe"},
		{"cxr", "Cough", "cxr"},
		{"cxr {indication}", "[a] {indication}", "cxr [a] {indication}"},
	} {
		page := chest(1)
		page.Options = map[string]string{indicationOption: c.indication}
		how := profiles["page"]
		how.Prompt = c.prompt
		asks, err := cxr{}.Plan(t.Context(), page, how)
		if err != nil || len(asks) != 1 || asks[0].Prompt != c.want {
			t.Errorf("%q with %q: %+v, %v; want %q", c.prompt, c.indication, asks, err, c.want)
		}
	}
	for name, o := range map[string]map[string]string{
		"a long indication": {indicationOption: strings.Repeat("x", maxIndication+1)}, "no UID": {studyOption: "1..2"}, "text for a UID": {studyOption: "study 5"},
		"two lines": {patientOption: "Patient/1\n2"}, "another value": {filmsOption: "some"},
	} {
		page := chest(1)
		page.Options = o
		if _, err := (cxr{}).Plan(t.Context(), page, profiles["page"]); !errors.Is(err, task.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	how := profiles["page"]
	how.Prompt = "{indication} {indication}"
	if _, err := (cxr{}).Plan(t.Context(), chest(1), how); !errors.Is(err, task.ErrInvalid) {
		t.Errorf("two places: %v", err)
	}
}

// chest is a page that looks like a film.
func chest(number int) task.Page {
	page := task.Page{Document: "Doe^Jane.dcm", Number: number, Pages: number, Width: 400, Height: 500}
	page.Regions = []task.Region{page.Whole(task.RegionFilm)}
	page.Regions[0].Overview = glance("film")
	return page
}

// glance is what a task sees of a film or of a sheet of paper.
func glance(of string) *task.Overview {
	o := &task.Overview{Width: 40, Height: 50}
	for i := range o.Width * o.Height {
		v := byte(255)
		if of == "film" {
			v = byte(40 + 2*(i%o.Width) + 2*(i/o.Width))
		}
		o.Gray = append(o.Gray, v)
	}
	return o
}

// What the source says counts before pixels.
func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		modality, part, look string
		refused              string
	}{
		{"", "", "film", ""}, {"", "", "paper", "white as paper"}, {"DX", "CHEST", "paper", ""}, {"CR", "", "film", ""}, {"CR", "", "paper", "white as paper"},
		{"CT", "CHEST", "film", "modality is CT"}, {"DX", "HAND", "film", "shows HAND"}, {"", "thorax", "film", ""}, {"", "SKULL", "film", "shows SKULL"},
	} {
		page := chest(1)
		page.Regions[0].Overview = glance(c.look)
		page.Facts = map[string]string{task.FactModality: c.modality, task.FactBodyPart: c.part}
		asks, err := cxr{}.Plan(t.Context(), page, profiles["page"])
		if err != nil || (len(asks) == 0) != (c.refused != "") {
			t.Errorf("%+v: %d asks, %v", c, len(asks), err)
		}
		var answers []task.Answer
		if len(asks) > 0 {
			answers = []task.Answer{{Ask: asks[0], Stop: task.StopEnd, Text: "FINDINGS: Clear lungs."}}
		}
		r, err := cxr{}.Read(t.Context(), page, answers)
		if err != nil || !strings.Contains(r.Unreadable, c.refused) || (len(r.Records) == 0) != (c.refused != "") {
			t.Errorf("%+v: %+v, %v", c, r, err)
		}
	}
}

// Nothing names the patient, the file or the study unless an option asks for it.
func TestIdentifiers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options map[string]string
		has     []string
		hasNot  []string
	}{
		{nil, nil, []string{"Doe", "1.2.3", "1.2.9", "subject", "imagingStudy"}},
		{map[string]string{studyOption: studyOfSource}, []string{"urn:oid:1.2.3", "urn:oid:1.2.9"}, []string{"Doe", "subject"}},
		{map[string]string{studyOption: "7.8"}, []string{"urn:oid:7.8"}, []string{"Doe", "1.2.3", "1.2.9"}},
		{map[string]string{patientOption: "Patient/5"}, []string{`"reference": "Patient/5"`}, []string{"Doe", "1.2.3"}},
	} {
		page := chest(1)
		page.Options = c.options
		page.Facts = map[string]string{task.FactStudy: "1.2.3", task.FactInstance: "1.2.9"}
		asks, err := cxr{}.Plan(t.Context(), page, profiles["page"])
		if err != nil {
			t.Fatal(err)
		}
		r, err := cxr{}.Read(t.Context(), page, []task.Answer{{Ask: asks[0], Stop: task.StopEnd, Text: "IMPRESSION: Clear lungs."}})
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, a := range r.Artifacts {
			all.Write(a.Content)
			var v struct{ ResourceType, Status string }
			if strings.HasSuffix(a.Name, ".json") && (json.Unmarshal(a.Content, &v) != nil || v.ResourceType != "DiagnosticReport" || v.Status != "preliminary") {
				t.Errorf("%s", a.Content)
			}
			if !strings.Contains(string(a.Content), notice) {
				t.Errorf("%s does not say that it is a draft", a.Name)
			}
		}
		for _, rec := range r.Records {
			row, err := json.Marshal(rec.Values)
			if err != nil || rec.Values["notice"] != notice {
				t.Errorf("%v, %v", rec.Values, err)
			}
			all.Write(row)
		}
		for _, s := range c.has {
			if !strings.Contains(all.String(), s) {
				t.Errorf("%v: %s is missing", c.options, s)
			}
		}
		for _, s := range c.hasNot {
			if strings.Contains(all.String(), s) {
				t.Errorf("%v: %s is written", c.options, s)
			}
		}
	}
}

// pieces are what a model of reports may write, whole and in halves.
var pieces = []string{"FINDINGS: ", "IMPRESSION:", "INDICATION: ", "Findings\n", "\n", ". ", ", ", "; ", "1. ", "- ", "no ", "not ", "without ", "or ", "and ", "there is ", "is seen", "pleural effusion", "pneumothorax",
	"cardiomegaly", "opacities ", "the heart is enlarged", "the lungs are clear", "may represent ", "cannot be excluded", "unchanged ", "compared to prior ", "mild ", "with ", "<loc0100>", "<eos>", "\xff", "\x00",
	"é", "\u202e", "<", "&", "\"", "?", "(", "/", "atelectasis", " X", "blunting of the ", "costophrenic angle"}

// TestRandomAnswers reads what a model without any training may write. The
// environment variable PALIMPSEST_RANDOM_ANSWERS says how many answers.
func TestRandomAnswers(t *testing.T) {
	t.Parallel()
	count := 500
	if n, err := strconv.Atoi(os.Getenv("PALIMPSEST_RANDOM_ANSWERS")); err == nil {
		count = n
	}
	rng := rand.New(rand.NewPCG(14, 15))
	page := chest(1)
	reports, coded := 0, 0
	for n := range count {
		how := profiles[[]string{"page", "region", "together"}[n%3]]
		asks, err := cxr{}.Plan(t.Context(), page, how)
		if err != nil || len(asks) != 1 {
			t.Fatal(asks, err)
		}
		a := task.Answer{Ask: asks[0], Stop: []task.Stop{task.StopEnd, task.StopLength, task.StopLoop}[rng.IntN(3)], ToPage: task.Affine{500, 0, -50, 0, 500, 0}}
		var text strings.Builder
		for range 1 + rng.IntN(120) {
			p := pieces[rng.IntN(len(pieces))]
			text.WriteString(p)
			a.Tokens = append(a.Tokens, task.Token{Text: p, LogProb: -rng.Float64()})
		}
		a.Text = text.String()
		r, err := cxr{}.Read(t.Context(), page, []task.Answer{a})
		if err == nil {
			err = cxr{}.Info().CheckReading(page, 1, r)
		}
		if err != nil {
			t.Fatalf("answer %d: %v\n%q", n, err, a.Text)
		}
		for _, rec := range r.Records {
			reports += b2i(rec.Relation == "report")
			coded += b2i(rec.Relation == "finding")
		}
	}
	t.Logf("%d answers: %d reports, %d findings", count, reports, coded)
	if reports == 0 || coded == 0 {
		t.Error("no report and no finding came of any")
	}
}

// FuzzRead: whatever the model writes, what comes of it holds the task's own
// description, and every word of a row is the model's, in its place.
func FuzzRead(f *testing.F) {
	for _, a := range conformance().Answers {
		f.Add(a, "end")
		f.Add(a, "length")
	}
	f.Add("FINDINGS: <loc0001>\x00\xff effusion, ? IMPRESSION: *", "loop")
	page := chest(1)
	f.Fuzz(func(t *testing.T, text, stop string) {
		asks, err := cxr{}.Plan(t.Context(), page, profiles["page"])
		if err != nil {
			t.Fatal(err)
		}
		r, err := cxr{}.Read(t.Context(), page, []task.Answer{{Ask: asks[0], Text: text, Stop: task.Stop(stop)}})
		if err != nil {
			t.Fatal(err)
		}
		if err := (cxr{}).Info().CheckReading(page, 1, r); err != nil {
			t.Fatal(err)
		}
		whole := ""
		for _, rec := range r.Records {
			v := rec.Values
			switch rec.Relation {
			case "report":
				whole = v["text"].(string)
				if len(text) <= maxReport && len(whole) != len(text) {
					t.Fatalf("%d bytes of %d", len(whole), len(text))
				}
			default:
				said, ok := v["evidence"]
				if rec.Relation == "sentence" {
					said, ok = v["text"], true
				}
				if ok && whole[v["from_byte"].(int64):v["to_byte"].(int64)] != said {
					t.Fatalf("%v is not in its place in %q", v, whole)
				}
			}
		}
	})
}
