package main

import (
	"image"
	"math/rand/v2"
)

// Page sizes in points and resolutions in dots an inch.
const (
	a4Width, a4Height = 595.0, 842.0
	a5Width, a5Height = 420.0, 595.0
	scanDPI           = 150
	faxDPI            = 200
	pdfDPI            = 200 // of the boxes in the truth of a PDF
)

// studio holds what all documents are made of.
type studio struct {
	faces faces
	docs  []document
}

func documents() ([]document, error) {
	all, err := loadFaces()
	if err != nil {
		return nil, err
	}
	s := &studio{faces: all}
	for _, make := range []func() error{
		s.letter, s.survey, s.receipt, s.bulletin, s.invoice, s.minutes, s.blank, s.handbook, s.ledger, s.notice, s.archive, s.label,
	} {
		if err := make(); err != nil {
			return nil, err
		}
	}
	return s.docs, nil
}

func (s *studio) style(face string, size float64) style {
	return style{face: s.faces[face], size: size, leading: size * 1.32}
}

// grain gives every document its own fixed stream of chance.
func grain(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x70616c696d)) }

func (s *studio) add(file, note string, content []byte, pages ...truthPage) {
	d := document{file: file, note: note, content: content, truth: truth{Level: "word"}}
	if len(pages) == 1 {
		d.truth.truthPage = &pages[0]
	} else {
		d.truth.Pages = pages
	}
	s.docs = append(s.docs, d)
}

// letter is a clean scan: crisp black on white.
func (s *studio) letter() error {
	p := newSheet(a4Width, a4Height)
	body := s.style("regular", 11)
	p.put("Harbour Office of Lindmere", s.style("bold", 15), 70, 90, 0, left)
	p.put("14 Quay Street, Lindmere", s.style("regular", 10), 70, 106, 0, left)
	p.rule(70, 116, 525, 116, 0.8)
	p.put("3 March 1987", body, 70, 150, 455, right)
	y := p.flow(letterText, body, 70, 170, 440, left)
	p.put("Edith Marlowe", s.style("italic", 12), 70, y+26, 0, left)
	p.put("Keeper of Records", body, 70, y+42, 0, left)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	content, err := pngOf(img)
	s.add("letter-clean.png", "clean scan at 150 dpi", content, truthOf(p, scanDPI, 0))
	return err
}

// survey is a dirty scan: grey paper, grain, spots, a crease, a dark gutter, soft focus.
func (s *studio) survey() error {
	p := newSheet(a4Width, 680)
	body := s.style("regular", 11.5)
	p.put("NORTH PIER SURVEY", s.style("bold", 14), 80, 95, 440, centre)
	y := p.flow(surveyText, body, 80, 115, 440, justified)
	y = s.table(p, y+10, 80, []float64{150, 110, 90, 90}, surveyTable)
	p.flow(surveyEnd, body, 80, y+8, 440, justified)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	rng := grain(2)
	const turn = -0.4
	img = skew(img, turn, 255)
	tone(img, 58, 226)
	blur(img, 0.75)
	shade(img, 0.22)
	fold(img, 905, 34)
	speckle(img, 900, rng)
	noise(img, 7, rng)
	content, err := jpegOf(img, 58)
	s.add("survey-dirty.jpg", "dirty scan: grain, spots, crease, shading, blur, JPEG", content, truthOf(p, scanDPI, turn))
	return err
}

// table sets rows in columns with rules between and returns the y below.
func (s *studio) table(p *sheet, y, x float64, widths []float64, rows [][]string) float64 {
	total := 0.0
	for _, w := range widths {
		total += w
	}
	st, head := s.style("regular", 10.5), s.style("bold", 10.5)
	p.rule(x, y, x+total, y, 0.8)
	for i, r := range rows {
		use := st
		if i == 0 {
			use = head
		}
		y += 18
		var cells []cell
		at := x
		for c, text := range r {
			align := left
			if c > 0 {
				align = right
			}
			cells = append(cells, cell{text, at + 4, widths[c] - 8, align})
			at += widths[c]
		}
		p.row(cells, use, y-5)
		if i == 0 || i == len(rows)-1 {
			p.rule(x, y, x+total, y, 0.8)
		}
	}
	return y
}

// receipt is a till roll: narrow, typewriter face, worn print, slightly turned.
func (s *studio) receipt() error {
	p := newSheet(226, 470)
	mono, strong := s.style("mono", 9.5), s.style("bold", 12)
	p.put("MARKET HALL GROCERS", strong, 12, 34, 202, centre)
	p.put("27 Weaver Lane, Lindmere", mono, 12, 50, 202, centre)
	p.put("Till 04 Receipt 118342", mono, 12, 64, 202, centre)
	p.put("18/06/2021 10:42", mono, 12, 78, 202, centre)
	p.rule(12, 88, 214, 88, 0.7)
	y := 104.0
	for _, r := range receiptRows {
		p.row([]cell{{r[0], 12, 140, left}, {r[1], 150, 64, right}}, mono, y)
		y += 15
	}
	p.rule(12, y-6, 214, y-6, 0.7)
	y += 10
	for i, r := range receiptSums {
		st := mono
		if i == 0 {
			st = s.style("bold", 11)
		}
		p.row([]cell{{r[0], 12, 140, left}, {r[1], 150, 64, right}}, st, y)
		y += 16
	}
	p.put("Thank you for your visit", mono, 12, y+14, 202, centre)
	p.put("Returns within 14 days", mono, 12, y+28, 202, centre)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	rng := grain(3)
	const turn = 0.7
	img = skew(img, turn, 255)
	tone(img, 82, 242)
	blur(img, 0.6)
	noise(img, 5, rng)
	content, err := jpegOf(img, 70)
	s.add("receipt.jpg", "till receipt, faded print", content, truthOf(p, scanDPI, turn))
	return err
}

// bulletin has a headline and two columns.
func (s *studio) bulletin() error {
	p := newSheet(a4Width, 600)
	s.twoColumns(p, "The Lindmere Bulletin", "No. 212 - Autumn number", bulletinLeft, bulletinRight)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	tone(img, 20, 250)
	blur(img, 0.45)
	content, err := pngOf(posterise(img, 16))
	s.add("bulletin-columns.png", "two columns", content, truthOf(p, scanDPI, 0))
	return err
}

func (s *studio) twoColumns(p *sheet, title, sub, one, two string) {
	body, head := s.style("regular", 10.5), s.style("medium", 12)
	p.put(title, s.style("bold", 22), 60, 92, 475, centre)
	p.put(sub, s.style("italic", 10.5), 60, 110, 475, centre)
	p.rule(60, 122, 535, 122, 1)
	for i, column := range []string{one, two} {
		x := 60 + float64(i)*247
		y := 134.0
		title, text, _ := cutHeading(column)
		p.put(title, head, x, y+14, 228, left)
		p.flow(text, body, x, y+22, 228, left)
	}
	p.rule(297, 138, 297, 540, 0.5)
}

// invoice was put on the glass sideways; nothing in the file says so.
func (s *studio) invoice() error {
	p := newSheet(a4Width, 560)
	body := s.style("regular", 11)
	p.put("INVOICE", s.style("bold", 20), 70, 100, 0, left)
	p.put("Number 2044-17", body, 70, 100, 455, right)
	p.put("Date 9 May 2019", body, 70, 116, 455, right)
	y := 140.0
	for _, line := range invoiceTop {
		p.put(line, body, 70, y, 300, left)
		y += 15
	}
	y = s.table(p, y+14, 70, []float64{215, 60, 80, 100}, invoiceTable)
	p.flow(invoiceEnd, body, 70, y+14, 430, left)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	tone(img, 25, 248)
	blur(img, 0.5)
	img = quarter(img)
	content, err := pngOf(posterise(img, 16))
	s.add("invoice-sideways.png", "rotated by 90 degrees; boxes are those of the upright page", content, truthOf(p, scanDPI, 0))
	return err
}

// minutes is slightly skewed.
func (s *studio) minutes() error {
	p := newSheet(a4Width, 600)
	p.put("Minutes of the Library Committee", s.style("bold", 14), 75, 100, 0, left)
	p.put("Tuesday, 6 October 2009, 7.30 pm", s.style("italic", 11), 75, 118, 0, left)
	p.flow(minutesText, s.style("regular", 11.5), 75, 134, 440, left)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	rng := grain(6)
	const turn = 1.3
	img = skew(img, turn, 255)
	tone(img, 30, 240)
	blur(img, 0.5)
	noise(img, 3, rng)
	content, err := jpegOf(img, 68)
	s.add("minutes-skewed.jpg", "turned by 1.3 degrees", content, truthOf(p, scanDPI, turn))
	return err
}

// blank is an empty page as a scanner sees it.
func (s *studio) blank() error {
	p := newSheet(a4Width, a4Height)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	rng := grain(7)
	tone(img, 30, 243)
	shade(img, 0.06)
	speckle(img, 12, rng)
	noise(img, 2.2, rng)
	content, err := jpegOf(img, 60)
	s.add("blank.jpg", "nothing but paper", content, truthOf(p, scanDPI, 0))
	return err
}

// handbook is born digital: three pages with a text layer.
func (s *studio) handbook() error {
	one := newSheet(a4Width, a4Height)
	one.put("Caring for Paper Records", s.style("bold", 20), 70, 110, 0, left)
	one.put("A short handbook for small archives", s.style("italic", 12), 70, 130, 0, left)
	one.flow(handbookOne, s.style("regular", 11), 70, 150, 455, left)
	two := newSheet(a4Width, a4Height)
	s.twoColumns(two, "Storage and Handling", "Section 2", handbookLeft, handbookRight)
	three := newSheet(a4Width, a4Height)
	three.put("Checklist", s.style("bold", 16), 70, 100, 0, left)
	y := three.flow(handbookThree, s.style("regular", 11), 70, 115, 455, left)
	s.table(three, y+10, 70, []float64{180, 140, 135}, handbookTable)
	sheets := []*sheet{one, two, three}
	content := textPDF("Caring for Paper Records", sheets, s.faces)
	var pages []truthPage
	for _, p := range sheets {
		pages = append(pages, truthOf(p, pdfDPI, 0))
	}
	s.add("handbook.pdf", "born-digital PDF with text layer: prose, two columns, a table", content, pages...)
	return nil
}

// ledger is a fax: two black-and-white pages in one TIFF.
func (s *studio) ledger() error {
	var scans []*image.Gray
	var pages []truthPage
	for i, text := range []string{ledgerOne, ledgerTwo} {
		p := newSheet(a5Width, a5Height)
		p.put([]string{"STOREROOM LEDGER", "LEDGER, CONTINUED"}[i], s.style("bold", 13), 45, 64, 0, left)
		y := p.flow(text, s.style("mono", 10), 45, 76, 330, left)
		if i == 0 {
			s.table(p, y+8, 45, []float64{150, 90, 90}, ledgerTable)
		}
		img, err := p.draw(faxDPI)
		if err != nil {
			return err
		}
		blur(img, 0.8)
		noise(img, 12, grain(uint64(90+i)))
		scans = append(scans, img)
		pages = append(pages, truthOf(p, faxDPI, 0))
	}
	s.add("ledger.tif", "two bitonal pages in one TIFF", tiffOf(scans, faxDPI), pages...)
	return nil
}

// notice mixes very large, ordinary and small letters.
func (s *studio) notice() error {
	p := newSheet(a5Width, a5Height)
	p.put("ROAD CLOSED", s.style("bold", 36), 40, 110, 340, centre)
	p.put("Mill Bridge, 12 to 19 April", s.style("medium", 17), 40, 146, 340, centre)
	y := p.flow(noticeText, s.style("regular", 12), 40, 166, 340, left)
	p.flow(noticeSmall, s.style("regular", 8.5), 40, y+16, 340, left)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	tone(img, 15, 252)
	content, err := pngOf(posterise(img, 16))
	s.add("notice-sizes.png", "letters from 8.5 to 36 points", content, truthOf(p, scanDPI, 0))
	return err
}

// archive is a scan inside a PDF, without any text layer.
func (s *studio) archive() error {
	p := newSheet(a4Width, 640)
	p.put("Deed of Gift", s.style("bold", 16), 80, 110, 435, centre)
	p.flow(archiveText, s.style("regular", 12), 80, 130, 435, justified)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	rng := grain(11)
	tone(img, 45, 236)
	blur(img, 0.55)
	shade(img, 0.08)
	noise(img, 4, rng)
	jpg, err := jpegOf(img, 62)
	if err != nil {
		return err
	}
	w, h := p.pixels(scanDPI)
	s.add("archive-scan.pdf", "image-only PDF", scanPDF("Deed of Gift", p.width, p.height, [][]byte{jpg}, w, h), truthOf(p, pdfDPI, 0))
	return nil
}

// label was photographed on its side; its EXIF block says so.
func (s *studio) label() error {
	p := newSheet(a5Width, 300)
	p.put("BOX 31", s.style("bold", 26), 36, 66, 0, left)
	p.rule(36, 80, 384, 80, 1.2)
	p.flow(labelText, s.style("regular", 12), 36, 88, 348, left)
	img, err := p.draw(scanDPI)
	if err != nil {
		return err
	}
	tone(img, 35, 232)
	blur(img, 0.6)
	noise(img, 4, grain(12))
	jpg, err := jpegOf(quarter(img), 66)
	s.add("label-exif.jpg", "turned by its EXIF orientation; boxes are those of the upright page", withOrientation(jpg, 6), truthOf(p, scanDPI, 0))
	return err
}

// posterise keeps a few grey levels, which PNG packs well, as simple scanners do.
func posterise(img *image.Gray, levels float64) *image.Gray {
	each(img, func(_, _ int, v float64) float64 {
		step := 255 / (levels - 1)
		return float64(int(v/step+0.5)) * step
	})
	return img
}
