package findings

// concept is what a class is called. A mention that also matches an exception,
// beginning there or up to three words before, is none; near are words that must
// stand in the same clause.
type concept struct {
	class   Class
	names   []pattern
	except  []pattern
	unless  []pattern // words of the same sentence that take the mention away
	hedged  bool      // the words are a sign of the finding rather than its name: uncertain at best
	devices bool
}

// concepts are the words of findings. States of heart, mediastinum and lungs
// ("the heart is enlarged") are in state.go.
var concepts = []concept{
	{class: Cardiomegaly, names: parsePatterns("cardiomegal*", "cardiac|heart enlargement", "enlargement of the|the|cardiac ~ heart|silhouette", "megacardia")},
	{class: EnlargedCardiomediastinum, names: parsePatterns("mediastinal|mediastinum|cardiomediastinal widening|enlargement|prominence",
		"widening|enlargement|prominence of|in the|upper|superior ~ mediastinum|cardiomediastinum", "mediastinal mass|masses", "mass|masses in|of the ~ mediastinum")},
	{class: LungOpacity, names: parsePatterns("opaci*", "infiltrat*", "airspace disease|process|abnormalit*|consolidation|change*", "air space disease|process|abnormalit*|change*",
		"density|densities", "interstitial disease|change*|marking*|prominence|thickening|pattern|process|infiltrate*|abnormalit*|coarsening",
		"interstitial lung disease|marking*|change*", "interstitial and|or ~ marking*", "interstitium", "reticular|reticulation*|reticulonodular", "scar|scars|scarring|scarred",
		"fibrosis|fibrotic", "ground glass|glas*", "groundglass", "haziness|hazy"),
		except: parsePatterns("bone|bony|osseous|mineral density", "metallic|metal|calcific|soft|tissue|contrast|breast density|densities", "pleural ~ scar*", "pleural parenchymal|and ~ scar*",
			"pleuroparenchymal scar*", "soft tissue density|densities", "scar* of|in the pleura", "interstitial edema", "surgical|skin scar*", "breast ~ opaci*|densit*", "bone ~ densit*", "nipple ~ densit*|opaci*")},
	{class: LungLesion, names: parsePatterns("nodul*", "mass|masses", "lesion|lesions", "neoplas*", "malignan*", "metasta*", "tumor*", "tumour*", "carcinoma*", "cavitary|cavitation*|cavitating"),
		except: parsePatterns("mass effect", "mass index", "bone|bony|osseous|lytic|sclerotic|blastic|rib|vertebral ~ lesion*|metasta*", "thyroid ~ nodul*|mass|masses", "mediastinal|thyroid|breast|abdominal mass|masses",
			"nodular|nodal calcification*", "mass|masses in|of the ~ mediastinum", "bony|osseous mass|masses|nodul*", "reticulonodular", "pleural ~ mass|masses|nodul*"),
		unless: parsePatterns("granulom*")},
	{class: Edema, names: parsePatterns("edema*", "oedema*", "congestion", "congested", "heart|cardiac|ventricular failure", "chf", "venous hypertension", "cephalization", "vascular redistribution|engorgement",
		"fluid|volume overload", "vascular|venous engorgement"),
		except: parsePatterns("soft tissue edema", "subcutaneous|nasal|peripheral|leg edema|congestion")},
	{class: Consolidation, names: parsePatterns("consolidat*")},
	{class: Pneumonia, names: parsePatterns("pneumonia*", "bronchopneumonia*", "infection*", "infectious")},
	{class: Atelectasis, names: parsePatterns("atelecta*", "collapse|collapsed"),
		except: parsePatterns("vertebra* ~ collapse*", "collapse* of ~ vertebra*", "collapse* ~ vertebra*", "compression collapse")},
	{class: Pneumothorax, names: parsePatterns("pneumothora*", "hydropneumothora*", "hemopneumothora*", "ptx")},
	{class: PleuralEffusion, names: parsePatterns("effusion*", "pleural|fissural fluid", "fluid in|within the ~ fissure*", "hemothora*", "haemothora*", "hydrothora*", "hydropneumothora*", "hemopneumothora*", "empyema*", "chylothora*"),
		except: parsePatterns("pericardial effusion*", "joint effusion*", "pericardial or|and joint effusion*")},
	{class: PleuralEffusion, hedged: true, names: parsePatterns("blunt* ~ angle*|sulcus|sulci|costophrenic", "costophrenic ~ blunt*", "angle*|sulcus|sulci|recess* ~ blunt*")},
	{class: PleuralOther, names: parsePatterns("pleural ~ thickening", "thickening of|in ~ pleura", "pleural ~ plaque*", "pleural ~ scar*", "pleural ~ calcification*", "calcified pleura", "pleural based ~ mass|masses|nodul*|opaci*|densit*|process|lesion*",
		"pleuroparenchymal ~ scar*|thickening", "pleural parenchymal ~ scar*", "fibrothora*", "apical|biapical thickening|capping|cap|caps", "pleural reaction|disease", "pleural mass|masses|nodul*")},
	{class: Fracture, names: parsePatterns("fracture*", "fractured"), except: parsePatterns("fractured wire|wires|lead|leads")},
	{class: Fracture, hedged: true, names: parsePatterns("compression deformit*")},
	{class: SupportDevices, devices: true, names: parsePatterns("catheter*", "central|picc|venous|subclavian|jugular|ij|arterial|port|dialysis|svc line|lines", "picc", "tube|tubes", "endotracheal", "ett", "nasogastric", "tracheostomy",
		"pacemaker*", "pacer*", "pacing", "icd", "aicd", "defibrillator*", "device*", "port|ports", "portacath*", "mediport*", "infusaport*", "stent|stents|stented",
		"valve|valvular|valves ~ replacement*|prosthe*", "prosthetic|mechanical|artificial|bioprosthetic ~ valve*", "hardware", "rod|rods", "screw*", "plate|plates", "spinal|cervical|spine|vertebral|thoracic|lumbar ~ fusion", "fusion of ~ spine|vertebra*",
		"arthroplast*", "lead|leads", "electrode*", "generator*", "stimulator*", "shunt|shunts", "chest|pleural|pigtail|surgical drain|drains", "balloon pump", "cannula*", "loop recorder", "ivc filter", "embolization coil*",
		"shoulder|joint|humeral|hip replacement*|prosthe*"),
		except: parsePatterns("breast ~ prosthe*|implant*|device*", "lead|leads to", "port|ports of|wine", "growth plate|plates", "end plate|plates", "endplate*")},
}

// normal are the words that say of a report that nothing was found, which No
// Finding needs besides the want of findings.
var normal = parsePatterns("normal", "unremarkable", "no|without ~ abnormalit*|disease|process|finding*|change*", "no|without|negative ~ acute|active", "clear", "negative", "within normal limits")
