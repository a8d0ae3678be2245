//! Spanish.

use super::{Kind, Language};

pub const WORDS: Language = Language {
    kinds: &[
        (
            Kind::PasswordHash,
            "contrasena, contrasenia, clave, contrasenya, clave acceso, clave usuario, \
            palabra clave, clave de acceso",
        ),
        (Kind::Secret, "clave privada, clave secreta, clave api, pregunta secreta, respuesta secreta"),
        (Kind::Token, "ficha acceso, codigo activacion, codigo invitacion, sesion"),
        (
            Kind::Email,
            "correo, correos, correo electronico, correoelectronico, direccion correo, e correo, \
            direccion email, dir correo",
        ),
        (
            Kind::Phone,
            "telefono, telefonos, movil, celular, telefono movil, tel movil, telf, tlf, tlfno, tfno, \
                numero telefono, num telefono, telefono fijo, telefono contacto, telefono casa, num tel, num movil, \
                nro telefono, numero celular, fijo",
        ),
        (
            Kind::Account,
            "cuenta bancaria, cuenta, numero cuenta, num cuenta, ccc, cuenta corriente, nro cuenta, \
            cbu, clabe, iban cuenta",
        ),
        (Kind::Card, "tarjeta, numero tarjeta, num tarjeta, tarjeta credito, nro tarjeta, tarjeta de credito"),
        (
            Kind::NationalId,
            "dni, nie, cedula, cedula identidad, documento identidad, num documento, numero documento, \
                nro documento, documento de identidad, curp, rut, run, num seguridad social, \
                numero seguridad social, seguridad social, nss, naf, num afiliacion, poliza, num poliza, \
                numero poliza, tarjeta sanitaria, num tarjeta sanitaria, historia clinica, num historia, \
                numero historia, nhc, licencia conducir, permiso conducir, num colegiado, numero colegiado, \
                identificacion, numero identificacion, num identificacion, cip, nro afiliado, numero afiliado, ci, \
                doc identidad, dui, matricula alumno, carnet",
        ),
        (
            Kind::TaxId,
            "nif, cif, cifnif, nif cif, cif nif, cuit, cuil, rfc, ruc, rif, numero fiscal, \
            identificacion fiscal, id fiscal, num fiscal",
        ),
        (Kind::Passport, "pasaporte, num pasaporte, numero pasaporte, nro pasaporte"),
        (
            Kind::Plate,
            "matricula vehiculo, matricula coche, patente, placa, placa vehiculo, bastidor, num bastidor, \
            numero bastidor, matricula",
        ),
        (
            Kind::ExternalId,
            "codigo cliente, cod cliente, codcliente, num cliente, numero cliente, nro cliente, num socio, \
                numero socio, nro socio, num empleado, numero empleado, codigo empleado, legajo, \
                num proveedor cliente, numero abonado, codigo socio, num abonado",
        ),
        (
            Kind::Birth,
            "nacimiento, fecha nacimiento, fecha de nacimiento, fecha nac, fechanacimiento, fec nac, \
                fec nacimiento, fecnac, f nacimiento, f nac, fdn, lugar nacimiento, lugar de nacimiento, lugar nac, \
                ano nacimiento, anio nacimiento, pais nacimiento, ciudad nacimiento, edad, fechanac, natalicio, \
                cumpleanos",
        ),
        (Kind::Gender, "sexo, genero, estado civil, estadocivil, tratamiento cortesia"),
        (
            Kind::FullName,
            "nombre completo, nombre y apellidos, nombre apellidos, nombres y apellidos, nombrecompleto, \
                nombre apellido, titular, nombre titular, destinatario, persona contacto, persona de contacto, \
                nombre contacto, contacto nombre, tutor, tutor legal, representante, representante legal, \
                beneficiario, conyuge, nombre conyuge, nombre padre, nombre madre, nombre cliente, nombrecliente, \
                nombre paciente, contacto emergencia, medico, propietario, firmante, remitente, administrador, \
                apoderado, responsable, emisor nombre, acompanante, contacto",
        ),
        (Kind::FirstName, "nombres, primer nombre, segundo nombre, nombre pila, nombre de pila"),
        (
            Kind::LastName,
            "apellido, apellidos, apellido1, apellido2, primer apellido, segundo apellido, ape1, ape2, \
            apellido paterno, apellido materno, ap paterno, ap materno, ape paterno, ape materno",
        ),
        (Kind::NamePart, "iniciales"),
        (
            Kind::Username,
            "usuario, nombre usuario, nombre de usuario, alias usuario, apodo, creado por, \
            modificado por, nick usuario, nombreusuario, usuario creacion, usuario modificacion",
        ),
        (
            Kind::Company,
            "razon social, razonsocial, empresa, nombre empresa, nombre comercial, nombre fantasia, \
            empleador",
        ),
        (
            Kind::Street,
            "calle, direccion, domicilio, via, nombre via, tipo via numero, dir, direccion postal, direccion envio, \
                direccion facturacion, direccion fiscal, num calle, numero calle, piso, portal, puerta, escalera, \
                apartado, apartado postal, colonia, depto, entre calles, numero exterior, numero interior, \
                num exterior, num interior, referencia domicilio",
        ),
        (Kind::City, "ciudad, poblacion, localidad, municipio, barrio, pueblo, delegacion"),
        (Kind::Postcode, "codigo postal, cod postal, codpostal, codigopostal, c postal, cp, cpostal"),
        (Kind::Ip, "direccion ip, dir ip"),
        (Kind::Mac, "direccion mac"),
        (Kind::Device, "id dispositivo, dispositivo id, navegador"),
        (Kind::Geo, "latitud, longitud, coordenadas, ubicacion gps, ubicacion"),
        (Kind::Url, "pagina web, sitio web, pagina personal"),
        (Kind::Photo, "foto, fotografia, imagen perfil, foto perfil, firma, firma digital, huella, huella dactilar"),
        (
            Kind::Health,
            "salud, diagnostico, diagnosticos, alergia, alergias, grupo sanguineo, tipo sangre, tipo sanguineo, \
                antecedentes, antecedentes medicos, enfermedad, enfermedades, discapacidad, grado discapacidad, \
                minusvalia, medicacion, medicamentos paciente, evolucion, sintomas, tratamiento medico, \
                historial medico, motivo consulta, embarazo, vacunas, intolerancias, cie, codigo cie, \
                fallecimiento, fecha fallecimiento, fecha defuncion, incapacidad, baja medica, receta",
        ),
        (
            Kind::Belief,
            "creencia, creencias, afiliacion politica, partido politico, sindicato, afiliado sindicato, \
            credo",
        ),
        (Kind::Origin, "nacionalidad, etnia, pais origen persona, ciudadania, lengua materna, raza, pueblo indigena"),
        (
            Kind::Salary,
            "salario, sueldo, nomina, sueldo base, salario base, retribucion, ingresos, ingreso mensual, \
            ingresos anuales, sueldo bruto, salario bruto, remuneracion, haber",
        ),
        (
            Kind::FreeText,
            "nota, notas, comentario, comentarios, observacion, observaciones, mensaje, mensajes, asunto, motivo, \
                respuesta, queja, quejas, reclamacion, sugerencia, sugerencias, peticion, peticiones especiales, \
                justificacion, texto libre, razon baja, motivo baja, concepto transferencia, anotaciones, \
                instrucciones, aclaraciones, obs",
        ),
        (
            Kind::Document,
            "preferencias, parametros, datos, ajustes, configuracion, valor, metadatos, \
            datos adicionales, curriculum",
        ),
    ],
    plain: "nombre archivo, nombre fichero, nombre producto, nombre tabla, nombre servidor, nombrecorto, \
        nombre corto, nombre grupo, nombre pais, nombre banco, banco, num factura, numero factura, numero pedido, \
        num pedido, numero serie, tipo tarjeta, tipo documento, tipo via, cuenta contable, cuenta id, codigo pais, \
        codigo idioma, prefijo tel, prefijo telefono, clave primaria, clave foranea, clave producto, forma pago, \
        usuario id, cuenta contador, tipo cuenta, estado cuenta, empresa id, genero musical, genero pelicula, \
        genero libro, via pago, cuentas, personafisica, regimen iva",
    heads: "tipo, estado, cantidad, activo, enviado, verificado, moneda, importe, id, idioma, total, orden, color, \
        nivel, fecha, numero de, confirmado, obligatorio",
    firsts: "tipo, estado, es, tiene, cantidad, total, cod, codigo, num de, fecha, fec, importe, id, nivel, acepta, \
        admite, porcentaje, limite, cant, esta, permite",
    known: "pais, provincia, departamento, cargo, puesto, profesion, ocupacion, especialidad, aseguradora, \
        comunidad, region, idioma, moneda, marca, modelo, color, banco, codigo, referencia, rol, turno, area, \
        sector, nivel, escuela, curso, grupo, unidad, origen, canal, divisa, agencia, regimen",
    people: "cliente, clientes, usuario, usuarios, huesped, huespedes, pasajero, pasajeros, persona, personas, \
        empleado, empleados, contacto, contactos, paciente, pacientes, medico, medicos, alumno, alumnos, \
        estudiante, estudiantes, profesor, profesores, proveedor, proveedores, socio, socios, agente, agentes, \
        trabajador, trabajadores, miembro, miembros, autor, autores, vendedor, vendedores, conductor, conductores, \
        afiliados, abonados, ciudadano, ciudadanos, familiar, familiares, docentes, candidatos, participantes, \
        visitantes, interesados",
    places: "tienda, tiendas, almacen, almacenes, sucursal, sucursales, empresas, empresa, pais, paises, provincia, \
        provincias, ciudad, ciudades, municipio, municipios, estado, estados, region, regiones, oficina, oficinas, \
        sede, sedes, sala, salas, estacion, estaciones, aeropuerto, aeropuertos, centro, centros, hospital, \
        escuela, escuelas, barrios, local, locales",
    catalogue: "producto, productos, articulo, articulos, categoria, categorias, tipo, tipos, rol, roles, \
        tratamiento, tratamientos, servicio, servicios, curso, cursos, libro, libros, pelicula, peliculas, grupo, \
        grupos, marca, marcas, moneda, monedas, idioma, idiomas, plantilla, plantillas, departamento, \
        departamentos, especialidad, especialidades, familia, familias, impuestos, platos, evento, eventos, genero, \
        generos, tarifas",
    talk: "mensaje, mensajes, comentario, comentarios, cita, citas, pedido, pedidos, queja, quejas, reclamacion, \
        reclamaciones, solicitud, solicitudes, incidencia, incidencias, opinion, opiniones, transferencia, \
        transferencias, pago, pagos, factura, facturas, facturascli, resena, resenas, movimiento, movimientos, \
        nota, notas, tarea, tareas, consulta, consultas, reserva, reservas, donaciones, gastos",
    name: "nombre, nom",
    title: "titulo",
    description: "descripcion, contenido, texto, detalle, cuerpo",
    glue: "nombre, numero, num, nro, cod, codigo, fecha, fec, tipo, cliente, contacto, titular, postal, envio, \
        factura, facturacion, personal, fijo, id, usuario, empresa, madre, padre",
};
