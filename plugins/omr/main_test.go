package main

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"palimpsest.dev/plugins/omr/kern"
	"palimpsest.dev/task"
	"palimpsest.dev/task/tasktest"
)

var program = tasktest.NewProgram("omr")

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// grand is a system of two staves as docs/targets.md wants it written.
const grand = "*clefF4»*clefG2\n*k[f#]»*k[f#]\n*M3/4»*M3/4\n=»=\n*»*^\n2.GG»4g»[2.b\n.»8aL».\n.»8g#J».\n.»4a».\n*»*v»*v\n=»=\n4G B»12dL»\n==»==\n*-»*-"

// readable are answers that this task can read.
var readable = []string{
	strings.Replace(grand, "12dL»", "4b]", 1),
	"<loc0100><loc0040><loc0300><loc0980>*clefG2\n*M2/4\n=\n4c\n4d\n=\n2e\n*-<loc0400><loc0040><loc0600><loc0980>*clefG2\n=\n4c\n4d\n==\n*-",
}

func TestConformanceInProcess(t *testing.T) {
	t.Parallel()
	tasktest.Run(t, tasktest.Config{Open: func(testing.TB) task.Task { return omr{} }, Answers: readable})
}

func TestConformanceAsProgram(t *testing.T) {
	t.Parallel()
	tasktest.RunProgram(t, "omr", program.Path(t), tasktest.Config{Answers: readable})
}

func page() task.Page {
	return task.Page{Document: "case.pdf", Number: 1, Width: 1000, Height: 1400, Raster: "case.png"}
}

func answerOf(text string) task.Answer {
	a := task.Answer{Ask: task.Ask{ID: "page", Region: page().Bounds(), Size: 896, Fit: task.FitStretch, State: []byte(`{"box":"yxyx-before","bins":1024}`)},
		Text: text, Stop: task.StopEnd, ToPage: task.Affine{1000, 0, 0, 0, 1400, 0}}
	return a
}

// A note's certainty is that of the tokens that wrote it, wherever the answer
// stands in its spelling of tabs and without its ** line.
func TestNotesAreAsCertainAsTheirTokens(t *testing.T) {
	t.Parallel()
	a := answerOf("*clefF4»*clefG2\n2C»2c\n2D»2d\n*-»*-")
	sure := map[string]float64{"2c": 0.5, "2D": 0.25}
	for rest := a.Text; rest != ""; {
		n, p := len(string([]rune(rest)[:1])), 1.0
		for token, q := range sure {
			if strings.HasPrefix(rest, token) {
				n, p = len(token), q
			}
		}
		a.Tokens = append(a.Tokens, task.Token{Text: rest[:n], LogProb: logOf(p)})
		rest = rest[n:]
	}
	r, err := omr{}.Read(t.Context(), page(), []task.Answer{a})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, rec := range r.Records {
		if rec.Relation == noteRelation {
			got[rec.Values["pitch"].(string)] = rec.Confidence
		}
	}
	for pitch, want := range map[string]float64{"C3": 1, "C4": 0.5, "D3": 0.25, "D4": 1} {
		if d := got[pitch] - want; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s: %g, want %g", pitch, got[pitch], want)
		}
	}
}

// TestEverySpellingReadsAlike reads one system in all the spellings that
// docs/targets.md allows.
func TestEverySpellingReadsAlike(t *testing.T) {
	t.Parallel()
	want := "**kern\t**kern\n*clefF4\t*clefG2\n2C 2E\t2c#L\n*-\t*-\n"
	for name, text := range map[string]string{
		"without tabs":      "*clefF4»*clefG2\n2C 2E»2c#L\n*-»*-",
		"with tabs":         "*clefF4\t*clefG2\n2C 2E\t2c#L\n*-\t*-",
		"with its ** line":  want,
		"in words":          "*clefF4 <t> *clefG2 <b> 2C <s> 2E <t> 2c#L <b> *- <t> *-",
		"in words, close":   "**kern<t>**kern<b>*clefF4<t>*clefG2<b>2C 2E<t>2c#L<b>*-<t>*-",
		"extended":          "**ekern_1.0\t**ekern_1.0\n*clefF4\t*clefG2\n2·C 2·E\t2·c·#·L\n*-\t*-",
		"with white space":  "\n" + want + "\n  ",
		"extended in words": "**ekern_1.0<t>**ekern_1.0<b>*clefF4<t>*clefG2<b>2·C 2·E<t>2·c·#·L<b>*-<t>*-",
	} {
		r, err := omr{}.Read(t.Context(), page(), []task.Answer{answerOf(text)})
		if err != nil || len(r.Records) != 4 || r.Records[0].Values["kern"] != want || r.Records[0].Values["valid"] != true {
			t.Errorf("%s: %v %+v", name, err, r.Records)
		}
	}
}

// TestNonsenseIsReadWithoutPanic reads answers of a model of random weights:
// tokens of **kern in any order.
func TestNonsenseIsReadWithoutPanic(t *testing.T) {
	t.Parallel()
	answers := 100_000
	if testing.Short() || raceEnabled {
		answers = 2_000
	}
	words := []string{"**kern", "*clefG2", "*k[f#]", "*k[", "*M3/4", "=", "=1", "==", "*^", "*v", "*x", "*+", "*-", "*", ".", "4c", "8ddL", "2.GG#", "[4b-", "4b-]", "12e",
		"8qqf", "4r", "4c 4e 4g", " ", "»", "»", "»", "\t", "\n", "\n", "\n", "<loc0100>", "<loc0100><loc0200><loc0300><loc0400>", "!", "!!x", "3%2a", "é", "\x00", "0%0"}
	r := rand.New(rand.NewPCG(3, 5))
	valid, scores := 0, 0
	for range answers {
		var b strings.Builder
		for range r.IntN(60) {
			b.WriteString(words[r.IntN(len(words))])
		}
		reading, err := omr{}.Read(t.Context(), page(), []task.Answer{answerOf(b.String())})
		if err == nil {
			err = omr{}.Info().CheckReading(page(), 1, reading)
		}
		if err != nil {
			t.Fatalf("%q: %v", b.String(), err)
		}
		for _, rec := range reading.Records {
			if rec.Relation == scoreRelation {
				scores++
				if rec.Values["valid"] == true {
					valid++
				}
			}
		}
	}
	t.Logf("%d answers, %d systems, %d of them valid", answers, scores, valid)
}

func FuzzRead(f *testing.F) {
	for _, a := range append(readable, grand, "<loc0100><loc0100>4c", "<loc0100><loc0100><loc0200><loc0200>", "**ekern\n8·c\n*-") {
		f.Add(a, true)
	}
	f.Fuzz(func(t *testing.T, text string, placed bool) {
		a := answerOf(text)
		if !placed {
			a.Ask.State = []byte(`{"box":"none","bins":1024}`)
		}
		r, err := omr{}.Read(t.Context(), page(), []task.Answer{a})
		if err == nil {
			err = omr{}.Info().CheckReading(page(), 1, r)
		}
		if err != nil {
			t.Fatal(err)
		}
		doc := task.Document{ID: "1", Name: "f.pdf", Pages: []task.DocumentPage{{Page: page(), State: "done", Records: r.Records}}}
		done, err := omr{}.Finish(t.Context(), doc)
		if err == nil {
			err = omr{}.Info().CheckDocumentReading(done)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range r.Records {
			if rec.Relation == scoreRelation && rec.Values["valid"] == true && !kern.Read(rec.Values["kern"].(string), kern.Options{Fragment: true}).Valid() {
				t.Fatal("a row says valid of what is not")
			}
		}
	})
}
