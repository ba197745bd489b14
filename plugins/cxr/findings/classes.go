// Package findings codes what a radiology report of the chest says: for each of
// the fourteen classes of the CheXpert data whether it is present, absent or
// uncertain, with the words that say so.
package findings

import "slices"

// Class is one of the fourteen classes, spelled as in the CheXpert data.
type Class string

// The classes. NoFinding is never read out of words: it follows from the
// others, see Codes.
const (
	NoFinding                 Class = "No Finding"
	EnlargedCardiomediastinum Class = "Enlarged Cardiomediastinum"
	Cardiomegaly              Class = "Cardiomegaly"
	LungOpacity               Class = "Lung Opacity"
	LungLesion                Class = "Lung Lesion"
	Edema                     Class = "Edema"
	Consolidation             Class = "Consolidation"
	Pneumonia                 Class = "Pneumonia"
	Atelectasis               Class = "Atelectasis"
	Pneumothorax              Class = "Pneumothorax"
	PleuralEffusion           Class = "Pleural Effusion"
	PleuralOther              Class = "Pleural Other"
	Fracture                  Class = "Fracture"
	SupportDevices            Class = "Support Devices"
)

var classes = []Class{NoFinding, EnlargedCardiomediastinum, Cardiomegaly, LungOpacity, LungLesion, Edema, Consolidation,
	Pneumonia, Atelectasis, Pneumothorax, PleuralEffusion, PleuralOther, Fracture, SupportDevices}

// Classes lists all fourteen in the order of the CheXpert data.
func Classes() []Class { return slices.Clone(classes) }
