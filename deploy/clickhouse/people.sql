-- Examples: copy a line, change name, password and units. A person may have several roles; who has
-- motcua_of_units must have the setting, too, and CONST keeps them from changing it.

-- an auditor of everything
CREATE USER IF NOT EXISTS thanh_tra IDENTIFIED WITH sha256_password BY 'change-me-1'
    DEFAULT ROLE motcua_reader;
GRANT motcua_reader TO thanh_tra;

-- an auditor of two units
CREATE USER IF NOT EXISTS thanh_tra_xa IDENTIFIED WITH sha256_password BY 'change-me-2'
    DEFAULT ROLE motcua_of_units SETTINGS SQL_motcua_units = '23500,23503' CONST;
GRANT motcua_of_units TO thanh_tra_xa;

-- a viewer, without officers' codes
CREATE USER IF NOT EXISTS nguoi_xem IDENTIFIED WITH sha256_password BY 'change-me-3'
    DEFAULT ROLE motcua_masked;
GRANT motcua_masked TO nguoi_xem;
