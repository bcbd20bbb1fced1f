"""The DICOM service: DICOMweb on blob and table storage."""
