package dicom

// The elements that are read.
const (
	tagTransferSyntax Tag = 0x00020010
	tagSOPClass       Tag = 0x00080016

	tagSamples        Tag = 0x00280002
	tagPhotometric    Tag = 0x00280004
	tagPlanar         Tag = 0x00280006
	tagFrames         Tag = 0x00280008
	tagRows           Tag = 0x00280010
	tagColumns        Tag = 0x00280011
	tagPixelSpacing   Tag = 0x00280030
	tagAspectRatio    Tag = 0x00280034
	tagAllocated      Tag = 0x00280100
	tagStored         Tag = 0x00280101
	tagHighBit        Tag = 0x00280102
	tagRepresentation Tag = 0x00280103
	tagPadding        Tag = 0x00280120
	tagPaddingLimit   Tag = 0x00280121
	tagImagerSpacing  Tag = 0x00181164
	tagScannedSpacing Tag = 0x00182010
	tagPixelURL       Tag = 0x00287fe0

	tagWindowCenter     Tag = 0x00281050
	tagWindowWidth      Tag = 0x00281051
	tagRescaleIntercept Tag = 0x00281052
	tagRescaleSlope     Tag = 0x00281053
	tagVOIFunction      Tag = 0x00281056
	tagModalityLUTs     Tag = 0x00283000
	tagLUTDescriptor    Tag = 0x00283002
	tagLUTData          Tag = 0x00283006
	tagVOILUTs          Tag = 0x00283010

	// Red; green and blue follow by one each.
	tagPaletteDescriptor Tag = 0x00281101
	tagPaletteData       Tag = 0x00281201
	tagSegmentedPalette  Tag = 0x00281221

	tagSharedGroups    Tag = 0x52009229
	tagFrameGroups     Tag = 0x52009230
	tagPixelMeasures   Tag = 0x00289110
	tagFrameVOI        Tag = 0x00289132
	tagPixelTransform  Tag = 0x00289145
	tagOverlayRows     Tag = 0x60000010
	tagExtendedOffsets Tag = 0x7fe00001
	tagFloatPixels     Tag = 0x7fe00008
	tagDoublePixels    Tag = 0x7fe00009
	tagPixelData       Tag = 0x7fe00010
	sopMediaDirectory      = "1.2.840.10008.1.3.10"
	sopEncapsulatedPDF     = "1.2.840.10008.5.1.4.1.1.104.1"
	overlayGroups          = 16 // planes: groups 6000, 6002 to 601E
	overlayStep        Tag = 0x00020000
)
