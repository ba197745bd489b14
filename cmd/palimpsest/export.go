package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"strings"
	"time"

	"palimpsest.dev/api"
	"palimpsest.dev/bagit"
)

// exportCmd takes documents out of a server into a BagIt folder, or checks such
// a folder, for which no server is needed.
type exportCmd struct {
	clientFlags
	Out       string   `help:"Folder of the bag: a new one, or one to go on with." default:"palimpsest-export" placeholder:"DIR"`
	All       bool     `help:"Export every document that has ended."`
	Verify    bool     `help:"Check the folder against its checksums and nothing else."`
	Labels    string   `help:"Write the pages and regions that people corrected as labels into this folder, for eval and fine-tuning, and nothing else." placeholder:"DIR"`
	Task      string   `help:"Task of the labels." default:"ocr"`
	Documents []string `arg:"" optional:"" name:"document" help:"Ids of the documents to export."`
}

// exported is document.json in a document's folder: what was exported of it and
// where that lies. It is written last, so that a folder that has one is whole.
type exported struct {
	Document api.Document `json:"document"`
	Source   string       `json:"source"` // path within the folder
	Pages    []api.Page   `json:"pages"`
	Files    []exportFile `json:"files"`
	Rows     []exportFile `json:"rows"`
}

// exportFile is one file of a document's folder.
type exportFile struct {
	Path      string `json:"path"` // within the folder
	Hash      string `json:"sha256"`
	Task      string `json:"task"`
	Page      int    `json:"page,omitempty"` // 0: of the whole document
	Name      string `json:"name"`           // of the file, or of the relation
	MediaType string `json:"media_type"`
}

const (
	recordFile = "document.json"
	// maxRecord bounds document.json when it is read back.
	maxRecord = 1 << 30
)

// Run exports or verifies.
func (c *exportCmd) Run(s *session) error {
	switch {
	case c.Verify && (c.All || len(c.Documents) > 0):
		return usagef("--verify checks the whole folder: name no documents")
	case c.Verify:
		return c.verify(s)
	case c.All == (len(c.Documents) > 0):
		return usagef("name the documents to export, or --all; `palimpsest status` lists them")
	case c.Labels != "":
		return c.exportLabels(s)
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	bag, err := bagit.Create(c.Out)
	if err != nil {
		return err
	}
	defer bag.Close()
	e := &exporter{session: s, client: client, bag: bag, flags: c.clientFlags}
	tasks, err := client.Tasks(s)
	if err != nil {
		return c.reached(err)
	}
	e.tasks = tasks.Tasks
	if c.All {
		err = e.all()
	} else {
		err = e.some(c.Documents)
	}
	if err != nil {
		return fmt.Errorf("%w; what is in %s stays, run the same command again to go on", c.reached(err), c.Out)
	}
	info := [][2]string{{"Bag-Software-Agent", "palimpsest " + versions().Program},
		{"External-Description", "Documents with what Palimpsest read in them: sources, files made of them, rows"}}
	if err := bag.Finish(time.Now(), info); err != nil {
		return fmt.Errorf("export to %s: %w", c.Out, err)
	}
	if e.failed {
		return errReported
	}
	return nil
}

// verify checks a bag and prints what is wrong with it.
func (c *exportCmd) verify(s *session) error {
	r, err := bagit.Verify(s, c.Out)
	if err != nil {
		return err
	}
	if c.JSON {
		if r.Problems == nil {
			r.Problems = []string{}
		}
		err = json.NewEncoder(s.stdout).Encode(map[string]any{"folder": c.Out, "files": r.Files, "bytes": r.Bytes, "problems": r.Problems})
	} else {
		for _, p := range r.Problems {
			fmt.Fprintln(s.stderr, p)
		}
		fmt.Fprintf(s.stdout, "%s: %d files, %d bytes, %d problems\n", c.Out, r.Files, r.Bytes, len(r.Problems))
	}
	if err == nil && len(r.Problems) > 0 {
		return errReported
	}
	return err
}

// exporter writes documents into a bag.
type exporter struct {
	*session
	client  *api.Client
	bag     *bagit.Writer
	flags   clientFlags
	tasks   []api.Task
	fetched int  // files of the document at hand that were downloaded
	failed  bool // some document was left out
}

// all exports every document that has ended, the newest first.
func (e *exporter) all() error {
	for after := ""; ; {
		list, err := e.client.Documents(e, after, 0)
		if err != nil {
			return err
		}
		for _, d := range list.Documents {
			if !d.Final() {
				fmt.Fprintf(e.stderr, "%s  %s is still %s: left out\n", d.ID, d.Name, d.State)
				continue
			}
			if err := e.some([]string{d.ID}); err != nil {
				return err
			}
		}
		if list.Next == "" || list.Next == after {
			return nil
		}
		after = list.Next
	}
}

// some exports documents by their ids. One that the server does not have, or
// that has not ended, is told and left out.
func (e *exporter) some(ids []string) error {
	for _, id := range ids {
		d, err := e.client.Document(e, id)
		var problem *api.Problem
		if errors.As(err, &problem) && problem.Code == api.CodeNotFound {
			fmt.Fprintf(e.stderr, "palimpsest: %v\n", err)
			e.failed = true
			continue
		}
		if err != nil {
			return err
		}
		if !d.Final() {
			fmt.Fprintf(e.stderr, "palimpsest: %s  %s is still %s: wait for its end and run the command again\n", d.ID, d.Name, d.State)
			e.failed = true
			continue
		}
		if err := e.document(d); err != nil {
			return fmt.Errorf("exporting %s (%s): %w", d.ID, d.Name, err)
		}
	}
	return nil
}

// document exports one document into a folder of its own.
func (e *exporter) document(d api.Document) error {
	e.fetched = 0
	folder := e.folder(d)
	var names bagit.Names
	names.Unique("", recordFile)
	want := exported{Document: d, Source: names.Unique("source", d.Name), Files: []exportFile{}, Rows: []exportFile{}}
	files, err := e.client.Files(e, d.ID)
	if err != nil {
		return err
	}
	if want.Pages, err = e.pages(d.ID); err != nil {
		return err
	}
	if err := e.fetch(path.Join(folder, want.Source), d.Hash, api.SourceLink(d.ID)); err != nil {
		return err
	}
	for _, a := range files {
		at := path.Join("document", bagit.SafeName(a.Task))
		if a.Page > 0 {
			at = path.Join(fmt.Sprintf("page-%04d", a.Page), bagit.SafeName(a.Task))
		}
		f := exportFile{Path: names.Unique(at, a.Name), Hash: a.Hash, Task: a.Task, Page: a.Page, Name: a.Name, MediaType: a.MediaType}
		if err := e.fetch(path.Join(folder, f.Path), a.Hash, a.Link); err != nil {
			return err
		}
		want.Files = append(want.Files, f)
	}
	if !e.sameRows(folder, &want) {
		if want.Rows, err = e.rows(d, folder, &names); err != nil {
			return err
		}
	}
	if err := e.record(folder, want); err != nil {
		return err
	}
	keep := []string{path.Join(folder, recordFile), path.Join(folder, want.Source)}
	for _, f := range append(want.Files, want.Rows...) {
		keep = append(keep, path.Join(folder, f.Path))
	}
	if err := e.bag.Keep(folder, keep); err != nil {
		return err
	}
	if e.flags.JSON {
		return json.NewEncoder(e.stdout).Encode(map[string]any{"document": d.ID, "name": d.Name, "state": d.State, "folder": "data/" + folder,
			"files": len(keep), "downloaded": e.fetched})
	}
	fmt.Fprintf(e.stdout, "%s  %-10s  %d files, %d downloaded  data/%s\n", d.ID, d.State, len(keep), e.fetched, folder)
	return nil
}

// folder is the document's: its name, and the end of its id, which tells apart
// documents of one name. Should another document have it, the id is added whole.
func (e *exporter) folder(d api.Document) string {
	short := bagit.SafeName(d.Name) + "-" + bagit.SafeName(d.ID[max(0, len(d.ID)-8):])
	if was, err := e.read(short); err == nil && was.Document.ID != d.ID {
		return bagit.SafeName(d.Name) + "-" + bagit.SafeName(d.ID)
	}
	return short
}

// read gives the record of a document exported before.
func (e *exporter) read(folder string) (exported, error) {
	var was exported
	raw, err := e.bag.Read(path.Join(folder, recordFile), maxRecord)
	if err != nil {
		return was, err
	}
	return was, json.Unmarshal(raw, &was)
}

// pages lists all pages of a document.
func (e *exporter) pages(id string) ([]api.Page, error) {
	pages := []api.Page{}
	for after := ""; ; {
		list, err := e.client.Pages(e, id, after, 0)
		if err != nil {
			return nil, err
		}
		pages = append(pages, list.Pages...)
		if list.Next == "" || list.Next == after {
			return pages, nil
		}
		after = list.Next
	}
}

// fetch downloads a file, unless it is there already with the right content.
func (e *exporter) fetch(file, hash, link string) error {
	if hash == "" {
		return fmt.Errorf("the server does not tell the checksum of %s: it is older than this program", link)
	}
	if e.bag.Has(file, hash) {
		return nil
	}
	e.fetched++
	_, err := e.bag.Put(file, hash, func(begin func() (io.Writer, error)) error { return e.client.Download(e, link, begin) })
	return err
}

// sameRows says whether an earlier export brought the rows of the very same
// state of the document, files and pages alike, and they are all there.
func (e *exporter) sameRows(folder string, want *exported) bool {
	was, err := e.read(folder)
	if err != nil {
		return false
	}
	rows := was.Rows
	// Both sides as they look after having been written and read.
	raw, err := json.Marshal(want)
	if err != nil {
		return false
	}
	var now exported
	if err := json.Unmarshal(raw, &now); err != nil {
		return false
	}
	was.Rows, now.Rows = nil, nil
	if !reflect.DeepEqual(was, now) {
		return false
	}
	for _, f := range rows {
		if !e.bag.Has(path.Join(folder, f.Path), f.Hash) {
			return false
		}
	}
	want.Rows = append(want.Rows, rows...)
	return true
}

// rows writes the rows of every task that was done and each of its relations,
// one JSON object a line.
func (e *exporter) rows(d api.Document, folder string, names *bagit.Names) ([]exportFile, error) {
	out := []exportFile{}
	done := map[string]bool{}
	for _, run := range d.Runs {
		done[run.Task] = true
	}
	for _, t := range e.tasks {
		if !done[t.Name] {
			continue
		}
		for _, relation := range t.Relations {
			f := exportFile{Path: names.Unique(path.Join("rows", bagit.SafeName(t.Name)), relation+".jsonl"), Task: t.Name, Name: relation,
				MediaType: "application/jsonl"}
			entry, err := e.bag.Put(path.Join(folder, f.Path), "", func(begin func() (io.Writer, error)) error {
				w, err := begin()
				if err != nil {
					return err
				}
				encoder := json.NewEncoder(w)
				return e.client.AllResults(e, d.ID, t.Name, api.ResultQuery{Relation: relation}, func(r api.Record) error { return encoder.Encode(r) })
			})
			if err != nil {
				return nil, err
			}
			e.fetched++
			f.Hash = entry.Hash
			out = append(out, f)
		}
	}
	return out, nil
}

// record writes document.json, unless it says the same already.
func (e *exporter) record(folder string, x exported) error {
	raw, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		return err
	}
	raw = append(raw, '\n')
	file := path.Join(folder, recordFile)
	if was, err := e.bag.Read(file, maxRecord); err == nil && string(was) == string(raw) {
		return nil
	}
	_, err = e.bag.Put(file, "", func(begin func() (io.Writer, error)) error {
		w, err := begin()
		if err == nil {
			_, err = io.Copy(w, strings.NewReader(string(raw)))
		}
		return err
	})
	return err
}
