package ingest

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"palimpsest.dev/engine"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// The patient of the films here, whom nothing that is stored may name.
const patientName, patientID = "Doe^Jane", "PID-7731"

// film writes a chest film of 12 bits as an X-ray machine would: bones dark, as MONOCHROME1 has it.
func film(view, study, instance string) []byte {
	const w, h = 200, 240
	var pixels []byte
	for y := range h {
		for x := range w {
			u, v := float64(x)/w, float64(y)/h
			bright := 0.35 + 0.25*math.Sin(3*u) + 0.2*v // the body
			for _, lung := range []float64{0.3, 0.7} {
				bright -= 0.3 * math.Exp(-30*(u-lung)*(u-lung)-12*(v-0.45)*(v-0.45))
			}
			pixels = binary.LittleEndian.AppendUint16(pixels, uint16(4095*(1-min(1, max(0, bright)))))
		}
	}
	var out []byte
	element := func(tag uint32, vr string, value []byte) {
		if len(value)%2 == 1 {
			value = append(value, map[bool]byte{true: 0, false: ' '}[vr == "UI"])
		}
		out = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(out, uint16(tag>>16)), uint16(tag))
		out = append(out, vr...)
		if vr == "OW" {
			out = binary.LittleEndian.AppendUint32(append(out, 0, 0), uint32(len(value)))
		} else {
			out = binary.LittleEndian.AppendUint16(out, uint16(len(value)))
		}
		out = append(out, value...)
	}
	number := func(tag uint32, n uint16) { element(tag, "US", binary.LittleEndian.AppendUint16(nil, n)) }
	element(0x00020010, "UI", []byte("1.2.840.10008.1.2.1"))
	element(0x00080018, "UI", []byte(instance))
	element(0x00080060, "CS", []byte("CR"))
	element(0x00100010, "PN", []byte(patientName))
	element(0x00100020, "LO", []byte(patientID))
	element(0x00180015, "CS", []byte("CHEST"))
	element(0x00185101, "CS", []byte(view))
	element(0x0020000d, "UI", []byte(study))
	number(0x00280002, 1)
	element(0x00280004, "CS", []byte("MONOCHROME1"))
	number(0x00280010, h)
	number(0x00280011, w)
	number(0x00280100, 16)
	number(0x00280101, 12)
	number(0x00280102, 11)
	number(0x00280103, 0)
	element(0x7fe00010, "OW", pixels)
	return append(append(make([]byte, 128), "DICM"...), out...)
}

// reporter is a model that writes one report about every film, and remembers what it was asked about how many.
type reporter struct {
	mu    sync.Mutex
	asked []string
}

const written = "FINDINGS: The heart is enlarged. No pneumothorax. There may be a small effusion. IMPRESSION: Cardiomegaly, unchanged."

func (m *reporter) Info() engine.Info { return engine.Info{Name: "reporter", ImageSize: 448} }

func (m *reporter) Submit(_ context.Context, r engine.Request) (engine.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, fmt.Sprintf("%s: %d", r.Prompt, 1+len(r.More)))
	a := engine.Answer{Text: written, Stop: engine.StopEnd}
	for _, word := range strings.SplitAfter(written, " ") {
		a.Tokens = append(a.Tokens, engine.Token{Text: word, LogProb: -0.25})
	}
	return a, nil
}

// reporterProfile is a checkpoint's that knows films, two at a time, and nothing else.
func reporterProfile() task.ModelProfile {
	return task.ModelProfile{Name: "reporter", Tasks: map[string]task.Profile{"cxr": {Prompt: "cxr[ {indication}]", View: task.ViewPage, Fit: task.FitLetterbox,
		Box: task.BoxNone, Size: 448, LocBins: 1024, MaxTokens: 512, Images: 2}}}
}

// study submits bytes to be read as films.
func (p *place) study(t *testing.T, name string, content []byte) store.DocumentStatus {
	t.Helper()
	o, err := p.blobs.PutBytes(t.Context(), content, "application/octet-stream")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := p.store.Submit(t.Context(), store.NewDocument{Name: name, Hash: o.Hash, Bytes: o.Bytes,
		Runs: []store.NewRun{{Task: "cxr", Options: map[string]string{"indication": "Cough."}}}})
	if err != nil {
		t.Fatal(err)
	}
	return p.end(t, doc.ID)
}

// files gives what the task made of a document, by name.
func (p *place) files(t *testing.T, id store.DocumentID) map[string]string {
	t.Helper()
	objects, err := p.store.Objects(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range objects {
		r, err := p.blobs.Get(t.Context(), o.Hash)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		all[o.Name] = string(content)
	}
	return all
}

// rowsOf gives the rows of a relation of the task cxr.
func (p *place) rowsOf(t *testing.T, id store.DocumentID, relation string) []store.ResultRow {
	t.Helper()
	rows, err := p.store.Results(t.Context(), id, "cxr", relation, 0, store.Cursor{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A study of two films goes through queue, renderer, worker, plugin and store: rows of the draft with its sentences
// and coded findings, its files, and nowhere the patient.
func TestAStudyBecomesADraft(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds six plugins")
	}
	p, m := newPlace(t), &reporter{}
	p.work(t, everyPlugin(t, p.store), m, reporterProfile())
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, view := range []string{"PA", "LATERAL"} {
		f, err := z.Create(view + ".dcm")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(film(view, "1.2.3", fmt.Sprint("1.2.3.", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	d := p.study(t, "study.zip", b.Bytes())
	if d.State != store.DocumentComplete || d.Pages != 2 {
		pages, _ := p.store.Pages(t.Context(), d.ID)
		t.Fatalf("%s: %+v %+v", d.State, d.Failure, pages)
	}
	if !slices.Equal(m.asked, []string{"cxr Cough.: 2"}) {
		t.Errorf("asked: %v", m.asked)
	}
	reports, sentences, findings := p.rowsOf(t, d.ID, "report"), p.rowsOf(t, d.ID, "sentence"), p.rowsOf(t, d.ID, "finding")
	if len(reports) != 1 || len(sentences) != 4 {
		t.Fatalf("%d reports, %d sentences", len(reports), len(sentences))
	}
	r := reports[0]
	if r.Page != 2 || r.Values["text"] != written || r.Values["impression"] != "Cardiomegaly, unchanged." || r.Values["indication"] != "Cough." ||
		math.Abs(r.Confidence-math.Exp(-0.25)) > 1e-6 {
		t.Errorf("page %d, confidence %g, %v", r.Page, r.Confidence, r.Values)
	}
	for _, row := range slices.Concat(reports, sentences, findings) {
		if notice, _ := row.Values["notice"].(string); !strings.Contains(notice, "Not for diagnosis") {
			t.Errorf("%v does not say that it is a draft", row.Values)
		}
	}
	if earlier := sentences[3].Values["earlier"]; earlier != "unchanged" {
		t.Errorf("speaks of an earlier study by %v", earlier)
	}
	var coded []string
	for _, f := range findings {
		if f.Values["decides"] == true {
			coded = append(coded, fmt.Sprint(f.Values["class"], " ", f.Values["status"]))
		}
	}
	slices.Sort(coded)
	if want := []string{"Cardiomegaly present", "No Finding absent", "Pleural Effusion uncertain", "Pneumothorax absent"}; !slices.Equal(coded, want) {
		t.Errorf("coded %q, want %q", coded, want)
	}
	files := p.files(t, d.ID)
	var resource struct {
		ResourceType, Status, Conclusion string
		Subject                          any
		Media                            []any
	}
	if err := json.Unmarshal([]byte(files["report.fhir.json"]), &resource); err != nil || resource.ResourceType != "DiagnosticReport" || resource.Status != "preliminary" ||
		!strings.Contains(resource.Conclusion, "Cardiomegaly, unchanged.") || resource.Subject != nil || len(resource.Media) != 2 {
		t.Errorf("%v: %+v\n%s", err, resource, files["report.fhir.json"])
	}
	if !strings.Contains(files["report.txt"], "Not for diagnosis") || !strings.Contains(files["report.txt"], "The heart is enlarged.") {
		t.Errorf("%s", files["report.txt"])
	}
	p.namesNobody(t, files)
}

// namesNobody looks for the patient in every table of the database and in the files.
func (p *place) namesNobody(t *testing.T, files map[string]string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(t.Context()))
	names, err := db.Query(t.Context(), `select format('%I.%I', table_schema, table_name) from information_schema.tables
		where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(names, pgx.RowTo[string])
	if err != nil || len(tables) < 10 {
		t.Fatal(tables, err)
	}
	for _, name := range tables {
		found, err := db.Query(t.Context(), "select r::text from "+name+" r")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := pgx.CollectRows(found, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		files["table "+name] = strings.Join(rows, "\n")
	}
	for where, text := range files {
		for _, who := range []string{"Doe", "Jane", patientID} {
			if strings.Contains(text, who) {
				t.Errorf("%s names the patient: %s", where, who)
			}
		}
	}
}

// A page that is no film is refused by the rule, and a checkpoint that has no profile for films refuses them all;
// neither asks the model anything or writes a row or a file.
func TestNoFilmNoDraft(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds six plugins")
	}
	for name, c := range map[string]struct {
		profile task.ModelProfile
		content []byte
		state   store.PageState
		why     string
		kind    store.Kind
	}{
		"a written page":               {reporterProfile(), mixedPage(t), store.PageUnreadable, "no chest film", ""},
		"a checkpoint without profile": {mixedProfile(), film("PA", "1.2.3", "1.2.3.4"), store.PageFailed, `model colours has no profile for task "cxr"`, store.KindUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, m := newPlace(t), &reporter{}
			p.work(t, everyPlugin(t, p.store), m, c.profile)
			d := p.study(t, "film", c.content)
			page, err := p.store.Page(t.Context(), d.ID, 1)
			if err != nil || len(page.Runs) != 1 {
				t.Fatal(page, err)
			}
			r := page.Runs[0]
			if r.State != c.state || r.Failure == nil || !strings.Contains(r.Failure.Message, c.why) || c.kind != "" && r.Failure.Kind != c.kind {
				t.Errorf("%s: %+v", r.State, r.Failure)
			}
			for _, relation := range []string{"report", "sentence", "finding"} {
				if rows := p.rowsOf(t, d.ID, relation); len(rows) > 0 {
					t.Errorf("%s: %v", relation, rows)
				}
			}
			for name := range p.files(t, d.ID) {
				if strings.HasPrefix(name, "report") {
					t.Errorf("a file %s", name)
				}
			}
			if len(m.asked) > 0 {
				t.Errorf("asked: %v", m.asked)
			}
		})
	}
}
