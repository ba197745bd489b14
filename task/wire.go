package task

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"palimpsest.dev/task/internal/taskpb"
)

// Conversion between the plain types and the wire. To the wire everything is
// checked by the caller; from the wire nothing is trusted: a missing message
// is its zero value, and what has no plain form is an error. Check functions
// in check.go then hold it against the bounds.

func boxToWire(b Box) *taskpb.Box { return &taskpb.Box{X0: b.X0, Y0: b.Y0, X1: b.X1, Y1: b.Y1} }

func boxFromWire(b *taskpb.Box) Box { return Box{b.GetX0(), b.GetY0(), b.GetX1(), b.GetY1()} }

func infoToWire(in Info, finishes bool) *taskpb.InfoReply {
	out := &taskpb.InfoReply{Name: in.Name, Version: in.Version, Summary: in.Summary,
		Rounds: clip32(in.Rounds), MaxAsks: clip32(in.MaxAsks), Finishes: finishes, Regions: in.Regions, Overview: clip32(in.Overview)}
	for _, r := range in.Relations {
		w := &taskpb.Relation{Name: r.Name, Summary: r.Summary}
		for _, c := range r.Columns {
			w.Columns = append(w.Columns, &taskpb.Column{Name: c.Name, Type: string(c.Type), Summary: c.Summary})
		}
		out.Relations = append(out.Relations, w)
	}
	for _, o := range in.Options {
		out.Options = append(out.Options, &taskpb.Option{Name: o.Name, Summary: o.Summary, DefaultValue: o.Default, Values: o.Values})
	}
	return out
}

func infoFromWire(in *taskpb.InfoReply) Info {
	out := Info{Name: in.GetName(), Version: in.GetVersion(), Summary: in.GetSummary(),
		Rounds: int(in.GetRounds()), MaxAsks: int(in.GetMaxAsks()), Regions: in.GetRegions(), Overview: int(in.GetOverview())}
	for _, r := range in.GetRelations() {
		p := Relation{Name: r.GetName(), Summary: r.GetSummary()}
		for _, c := range r.GetColumns() {
			p.Columns = append(p.Columns, Column{Name: c.GetName(), Type: ColumnType(c.GetType()), Summary: c.GetSummary()})
		}
		out.Relations = append(out.Relations, p)
	}
	for _, o := range in.GetOptions() {
		out.Options = append(out.Options, Option{Name: o.GetName(), Summary: o.GetSummary(), Default: o.GetDefaultValue(), Values: o.GetValues()})
	}
	return out
}

func pageToWire(p Page) *taskpb.Page {
	out := &taskpb.Page{Document: valid(p.Document), Number: clip32(p.Number), Width: clip32(p.Width), Height: clip32(p.Height),
		Dpi: p.DPI, XHeight: p.XHeight, Rotation: clip32(p.Rotation), Options: validMap(p.Options), Raster: valid(p.Raster), Pages: clip32(p.Pages), Facts: validMap(p.Facts)}
	for _, w := range p.Text {
		out.Text = append(out.Text, &taskpb.Word{Text: valid(w.Text), Box: boxToWire(w.Box)})
	}
	for _, l := range p.Lines {
		out.Lines = append(out.Lines, &taskpb.Line{Box: boxToWire(l.Box), XHeight: l.XHeight})
	}
	for _, r := range p.Regions {
		out.Regions = append(out.Regions, &taskpb.Region{Kind: r.Kind, Box: boxToWire(r.Box), Confidence: r.Confidence, Source: r.Source, Overview: overviewToWire(r.Overview)})
	}
	for _, e := range p.Earlier {
		out.Earlier = append(out.Earlier, &taskpb.EarlierPage{Number: clip32(e.Number), Facts: validMap(e.Facts), Overview: overviewToWire(e.Overview)})
	}
	return out
}

func overviewToWire(o *Overview) *taskpb.Overview {
	if o == nil {
		return nil
	}
	return &taskpb.Overview{Width: clip32(o.Width), Height: clip32(o.Height), Gray: o.Gray, Colour: o.Colour}
}

func overviewFromWire(o *taskpb.Overview) *Overview {
	if o == nil {
		return nil
	}
	return &Overview{Width: int(o.GetWidth()), Height: int(o.GetHeight()), Gray: o.GetGray(), Colour: o.GetColour()}
}

func pageFromWire(p *taskpb.Page) Page {
	out := Page{Document: p.GetDocument(), Number: int(p.GetNumber()), Width: int(p.GetWidth()), Height: int(p.GetHeight()),
		DPI: p.GetDpi(), XHeight: p.GetXHeight(), Rotation: int(p.GetRotation()), Options: p.GetOptions(), Raster: p.GetRaster(), Pages: int(p.GetPages()), Facts: p.GetFacts()}
	for _, w := range p.GetText() {
		out.Text = append(out.Text, Word{w.GetText(), boxFromWire(w.GetBox())})
	}
	for _, l := range p.GetLines() {
		out.Lines = append(out.Lines, Line{boxFromWire(l.GetBox()), l.GetXHeight()})
	}
	for _, r := range p.GetRegions() {
		out.Regions = append(out.Regions, Region{r.GetKind(), boxFromWire(r.GetBox()), r.GetConfidence(), r.GetSource(), overviewFromWire(r.GetOverview())})
	}
	for _, e := range p.GetEarlier() {
		out.Earlier = append(out.Earlier, EarlierPage{int(e.GetNumber()), e.GetFacts(), overviewFromWire(e.GetOverview())})
	}
	return out
}

func profileToWire(p Profile) *taskpb.Profile {
	out := &taskpb.Profile{Prompt: p.Prompt, View: p.View, Fit: p.Fit, Box: p.Box, Size: clip32(p.Size),
		XHeight: p.XHeight, XHeightMin: p.XHeightMin, XHeightMax: p.XHeightMax, Overlap: clip32(p.Overlap),
		LocBins: clip32(p.LocBins), MaxTokens: clip32(p.MaxTokens), Adapter: p.Adapter,
		MinScale: p.MinScale, MaxScale: p.MaxScale, MinConfidence: p.MinConfidence, Grammar: p.Grammar, Images: clip32(p.Images)}
	for name, step := range p.Steps {
		if out.Steps == nil {
			out.Steps = map[string]*taskpb.Profile{}
		}
		step.Steps = nil // Profile.Check refuses deeper ones
		out.Steps[valid(name)] = profileToWire(step)
	}
	return out
}

// profileFromWire reads a profile and its steps; steps of steps, which no profile has, are left out.
func profileFromWire(p *taskpb.Profile) Profile {
	out := plainProfileFromWire(p)
	for name, step := range p.GetSteps() {
		if out.Steps == nil {
			out.Steps = map[string]Profile{}
		}
		out.Steps[name] = plainProfileFromWire(step)
	}
	return out
}

func plainProfileFromWire(p *taskpb.Profile) Profile {
	return Profile{Prompt: p.GetPrompt(), View: p.GetView(), Fit: p.GetFit(), Box: p.GetBox(), Size: int(p.GetSize()),
		XHeight: p.GetXHeight(), XHeightMin: p.GetXHeightMin(), XHeightMax: p.GetXHeightMax(), Overlap: int(p.GetOverlap()),
		LocBins: int(p.GetLocBins()), MaxTokens: int(p.GetMaxTokens()), Adapter: p.GetAdapter(),
		MinScale: p.GetMinScale(), MaxScale: p.GetMaxScale(), MinConfidence: p.GetMinConfidence(), Grammar: p.GetGrammar(), Images: int(p.GetImages())}
}

func askToWire(a Ask) *taskpb.Ask {
	out := &taskpb.Ask{Id: a.ID, Region: boxToWire(a.Region), Size: clip32(a.Size), Fit: a.Fit,
		Prompt: a.Prompt, MaxTokens: clip32(a.MaxTokens), Grammar: a.Grammar, State: a.State}
	for _, n := range a.Earlier {
		out.Earlier = append(out.Earlier, clip32(n))
	}
	return out
}

func askFromWire(a *taskpb.Ask) Ask {
	out := Ask{ID: a.GetId(), Region: boxFromWire(a.GetRegion()), Size: int(a.GetSize()), Fit: a.GetFit(),
		Prompt: a.GetPrompt(), MaxTokens: int(a.GetMaxTokens()), Grammar: a.GetGrammar(), State: a.GetState()}
	for _, n := range a.GetEarlier() {
		out.Earlier = append(out.Earlier, int(n))
	}
	return out
}

func asksToWire(in []Ask) []*taskpb.Ask {
	var out []*taskpb.Ask
	for _, a := range in {
		out = append(out, askToWire(a))
	}
	return out
}

func asksFromWire(in []*taskpb.Ask) []Ask {
	var out []Ask
	for _, a := range in {
		out = append(out, askFromWire(a))
	}
	return out
}

func answersToWire(in []Answer) []*taskpb.Answer {
	var out []*taskpb.Answer
	for _, a := range in {
		w := &taskpb.Answer{Ask: askToWire(a.Ask), Text: valid(a.Text), Stop: string(a.Stop), ToPage: a.ToPage[:]}
		for _, t := range a.Tokens {
			w.Tokens = append(w.Tokens, &taskpb.Token{Text: []byte(t.Text), LogProb: t.LogProb})
		}
		out = append(out, w)
	}
	return out
}

func answersFromWire(in []*taskpb.Answer) ([]Answer, error) {
	var out []Answer
	for i, a := range in {
		p := Answer{Ask: askFromWire(a.GetAsk()), Text: a.GetText(), Stop: Stop(a.GetStop())}
		if n := copy(p.ToPage[:], a.GetToPage()); n != len(p.ToPage) || len(a.GetToPage()) != n {
			return nil, fmt.Errorf("answer %d: to_page has %d numbers, want %d", i, len(a.GetToPage()), len(p.ToPage))
		}
		for _, t := range a.GetTokens() {
			p.Tokens = append(p.Tokens, Token{string(t.GetText()), t.GetLogProb()})
		}
		out = append(out, p)
	}
	return out, nil
}

func valueToWire(v any) (*taskpb.Value, error) {
	switch v := v.(type) {
	case nil:
		return &taskpb.Value{}, nil
	case string:
		return &taskpb.Value{Kind: &taskpb.Value_Text{Text: v}}, nil
	case int64:
		return &taskpb.Value{Kind: &taskpb.Value_Integer{Integer: v}}, nil
	case int: // what a literal in a plugin is
		return &taskpb.Value{Kind: &taskpb.Value_Integer{Integer: int64(v)}}, nil
	case float64:
		return &taskpb.Value{Kind: &taskpb.Value_Number{Number: v}}, nil
	case bool:
		return &taskpb.Value{Kind: &taskpb.Value_Boolean{Boolean: v}}, nil
	case json.RawMessage:
		return &taskpb.Value{Kind: &taskpb.Value_Json{Json: v}}, nil
	}
	return nil, fmt.Errorf("value of type %T: want string, int64, float64, bool, json.RawMessage or nil", v)
}

func valueFromWire(v *taskpb.Value) any {
	switch k := v.GetKind().(type) {
	case *taskpb.Value_Text:
		return k.Text
	case *taskpb.Value_Integer:
		return k.Integer
	case *taskpb.Value_Number:
		return k.Number
	case *taskpb.Value_Boolean:
		return k.Boolean
	case *taskpb.Value_Json:
		return json.RawMessage(k.Json)
	}
	return nil
}

func recordsToWire(in []Record) ([]*taskpb.Record, error) {
	var out []*taskpb.Record
	for i, r := range in {
		w := &taskpb.Record{Relation: r.Relation, Box: boxToWire(r.Box), Confidence: r.Confidence, Source: r.Source}
		for _, p := range r.Polygon {
			w.Polygon = append(w.Polygon, &taskpb.Point{X: p.X, Y: p.Y})
		}
		if len(r.Values) > 0 {
			w.Values = make(map[string]*taskpb.Value, len(r.Values))
		}
		for name, v := range r.Values {
			value, err := valueToWire(v)
			if err != nil {
				return nil, fmt.Errorf("record %d (%s), column %q: %w", i, r.Relation, name, err)
			}
			w.Values[name] = value
		}
		out = append(out, w)
	}
	return out, nil
}

func recordsFromWire(in []*taskpb.Record) []Record {
	var out []Record
	for _, r := range in {
		p := Record{Relation: r.GetRelation(), Box: boxFromWire(r.GetBox()), Confidence: r.GetConfidence(), Source: r.GetSource()}
		for _, q := range r.GetPolygon() {
			p.Polygon = append(p.Polygon, Point{q.GetX(), q.GetY()})
		}
		if len(r.GetValues()) > 0 {
			p.Values = make(map[string]any, len(r.GetValues()))
		}
		for name, v := range r.GetValues() {
			p.Values[name] = valueFromWire(v)
		}
		out = append(out, p)
	}
	return out
}

func readingToWire(in Reading) (*taskpb.Reading, error) {
	records, err := recordsToWire(in.Records)
	if err != nil {
		return nil, err
	}
	out := &taskpb.Reading{Records: records, Asks: asksToWire(in.Asks), Unreadable: in.Unreadable, Notes: in.Notes}
	for _, a := range in.Artifacts {
		out.Artifacts = append(out.Artifacts, &taskpb.Artifact{Name: a.Name, MediaType: a.MediaType, Content: a.Content})
	}
	return out, nil
}

func readingFromWire(in *taskpb.Reading) Reading {
	out := Reading{Records: recordsFromWire(in.GetRecords()), Asks: asksFromWire(in.GetAsks()),
		Unreadable: in.GetUnreadable(), Notes: in.GetNotes()}
	for _, a := range in.GetArtifacts() {
		out.Artifacts = append(out.Artifacts, Artifact{a.GetName(), a.GetMediaType(), a.GetContent()})
	}
	return out
}

func documentToWire(d Document) (*taskpb.FinishRequest, error) {
	out := &taskpb.FinishRequest{Id: valid(d.ID), Name: valid(d.Name), Part: clip32(d.Part), Parts: clip32(d.Parts)}
	for _, p := range d.Pages {
		records, err := recordsToWire(p.Records)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", p.Page.Number, err)
		}
		out.Pages = append(out.Pages, &taskpb.DocumentPage{Page: pageToWire(p.Page), State: p.State, Records: records})
	}
	return out, nil
}

func documentFromWire(in *taskpb.FinishRequest) Document {
	out := Document{ID: in.GetId(), Name: in.GetName(), Part: int(in.GetPart()), Parts: int(in.GetParts())}
	for _, p := range in.GetPages() {
		out.Pages = append(out.Pages, DocumentPage{pageFromWire(p.GetPage()), p.GetState(), recordsFromWire(p.GetRecords())})
	}
	return out
}

// valid makes text fit for the wire, which refuses what is not UTF-8: file
// names and text layers are not always.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func validMap(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[valid(k)] = valid(v)
	}
	return out
}

// clip32 keeps a count inside int32; the checks then refuse the clipped value
// as they would the true one.
func clip32(n int) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, n))) }
