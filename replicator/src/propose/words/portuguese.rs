//! Portuguese, of both sides of the sea.

use super::{Kind, Language};

pub const WORDS: Language = Language {
    kinds: &[
        (
            Kind::PasswordHash,
            "senha, senhas, palavra passe, palavrapasse, palavra chave, senha hash, senhausuario, \
            senha usuario",
        ),
        (
            Kind::Secret,
            "chave privada, chave secreta, chave api, pergunta secreta, resposta secreta, segredo, \
            codigo secreto",
        ),
        (Kind::Token, "codigo ativacao, codigo convite, sessao"),
        (Kind::Email, "correio eletronico, endereco email, correio, endereco eletronico, chave pix, pix"),
        (
            Kind::Phone,
            "telefone, telefones, celular, telemovel, fone, nr telefone, numero telefone, num telefone, \
            numero celular, num celular, tel celular, contacto telefonico, telefone fixo, telefone contato, fone1, \
            fone2, ramal",
        ),
        (
            Kind::Account,
            "conta bancaria, conta, numero conta, num conta, conta corrente, agencia, nib, \
            agencia conta, nr conta, dados bancarios",
        ),
        (
            Kind::Card,
            "cartao, numero cartao, num cartao, cartao credito, ultimos digitos, cartao de credito, \
            nr cartao",
        ),
        (
            Kind::NationalId,
            "cpf, rg, cnh, numero cnh, titulo eleitor, titulo eleitoral, pis, pasep, pis pasep, nis, ctps, \
                carteira trabalho, carteira de trabalho, sus, cartao sus, cns, cartao nacional saude, \
                bilhete identidade, cartao cidadao, numero utente, num utente, niss, seguranca social, \
                certidao nascimento, certidao, num certidao, numero documento, num documento, nr documento, \
                documento identidade, identidade, registro geral, matricula aluno, numero carteirinha, carteirinha, \
                crm, nr cpf, cd cpf, num bi, reservista, certificado militar",
        ),
        (
            Kind::TaxId,
            "nif, cnpj, inscricao estadual, inscricao municipal, nipc, contribuinte, numero contribuinte, \
            num contribuinte, cpf cnpj, cnpj cpf, nr cnpj",
        ),
        (Kind::Passport, "passaporte, numero passaporte, num passaporte, nr passaporte"),
        (Kind::Plate, "placa, placa veiculo, placa carro, matricula viatura, chassi, numero chassi, renavam"),
        (
            Kind::ExternalId,
            "codigo cliente, cod cliente, numero cliente, num cliente, matricula, numero socio, \
            num socio, codigo funcionario, numero funcionario, matricula funcionario, codigo socio, num funcionario",
        ),
        (
            Kind::Birth,
            "nascimento, data nascimento, data de nascimento, datanascimento, data nasc, datadenascimento, \
                dt nascimento, dt nasc, dtnasc, nasc, local nascimento, naturalidade, cidade nascimento, \
                municipio nascimento, ano nascimento, idade, aniversario, pais nascimento, local de nascimento",
        ),
        (Kind::Gender, "sexo, genero, estado civil, estadocivil, tratamento pessoal"),
        (
            Kind::FullName,
            "nome completo, nomecompleto, nome social, nome mae, nome da mae, nome pai, nome do pai, nomemae, \
                nomepai, mae, pai, conjuge, nome conjuge, titular, nome titular, destinatario, contato, \
                contato nome, nome contato, nome cliente, nome responsavel, responsavel, nome aluno, nome paciente, \
                representante legal, representante, beneficiario, contato emergencia, contacto, \
                contacto emergencia, remetente, proprietario, nm pessoa, nome pessoa, favorecido, tomador, medico, \
                autorizado, dependente, avalista, nome usuario completo, assinante, encarregado educacao, \
                procurador, fiador, acompanhante",
        ),
        (Kind::FirstName, "primeiro nome, nome proprio"),
        (Kind::LastName, "sobrenome, apelido, ultimo nome, nome familia, nome solteira, sobrenomes, nome de solteira"),
        (Kind::NamePart, "nome meio, iniciais, nome do meio"),
        (
            Kind::Username,
            "usuario, nome usuario, nomeusuario, utilizador, nome utilizador, criado por, \
            alterado por, apelido usuario, alcunha, cadastrado por, nome de usuario",
        ),
        (
            Kind::Company,
            "razao social, razaosocial, nome fantasia, nomefantasia, empresa, nome empresa, empregador, \
            ultima empresa, nome empregador",
        ),
        (
            Kind::Street,
            "logradouro, endereco, rua, morada, numero casa, numero endereco, complemento, numero residencia, \
                endereco entrega, endereco cobranca, ponto referencia, ponto de referencia, caixa postal, \
                apartamento, bloco, andar, quadra, lote, nr endereco, num endereco, avenida, travessa, \
                numero porta, endereco completo, residencia",
        ),
        (Kind::City, "cidade, municipio, bairro, distrito, localidade, freguesia, concelho, cidade entrega"),
        (Kind::Postcode, "cep, codigo postal, cod postal, cep entrega, nr cep"),
        (Kind::Ip, "endereco ip, ip logado"),
        (Kind::Mac, "endereco mac"),
        (Kind::Device, "id dispositivo, dispositivo id, navegador"),
        (Kind::Geo, "latitude, longitude, coordenadas"),
        (Kind::Url, "pagina pessoal, site pessoal"),
        (
            Kind::Photo,
            "foto, fotografia, caminho foto, foto perfil, imagem perfil, assinatura, assinatura digital, \
            biometria",
        ),
        (
            Kind::Health,
            "saude, diagnostico, alergias, alergia, tipo sanguineo, deficiencia, deficiencias, doenca, doencas, \
                medicamentos uso, medicacao, gestante, gravida, vacinas, prontuario, historico medico, sintomas, \
                queixa, codigo cid, tratamento medico, comorbidades, obito, data obito, data falecimento, atestado, \
                necessidades especiais, analfabeto, restricao alimentar",
        ),
        (
            Kind::Belief,
            "religiao, crenca, partido, filiacao partidaria, sindicato, filiacao sindical, \
            opiniao politica",
        ),
        (
            Kind::Origin,
            "nacionalidade, raca, cor raca, raca cor, etnia, pais origem pessoa, cidadania, \
            povo indigena, lingua materna",
        ),
        (
            Kind::Salary,
            "salario, salarios, ordenado, vencimento base, remuneracao, renda, renda mensal, \
            renda familiar, salario base, salario bruto, rendimento, holerite",
        ),
        (
            Kind::FreeText,
            "observacao, observacoes, obs, nota, notas, comentario, comentarios, mensagem, mensagens, assunto, \
                motivo, justificativa, resposta, reclamacao, sugestao, anotacao, anotacoes, texto livre, parecer, \
                descricao problema, recado, motivo cancelamento, ocorrencia, relato, depoimento",
        ),
        (
            Kind::Document,
            "preferencias, parametros, dados, configuracoes, configuracao, valor campo, metadados, \
            dados adicionais, curriculo",
        ),
    ],
    plain: "nome arquivo, nome ficheiro, nome produto, nome tabela, nome banco, banco, nome servidor, nome grupo, \
        tipo cartao, bandeira cartao, numero pedido, num pedido, nota fiscal, numero nota, nf chave, nota numero, \
        codigo pais, codigo barras, tipo documento, tipo conta, usuario id, conta id, forma pagamento, \
        numero serie, plano contas, conta contabil, contagem, nome escola, cartorio, data exp rg, uf exp rg, \
        orgao emissor, zona eleitoral, agencia codigo, codigo rastreio",
    heads: "tipo, situacao, quantidade, ativo, enviado, verificado, valor, moeda, id, idioma, total, ordem, cor, \
        nivel, data, confirmado, obrigatorio",
    firsts: "tipo, situacao, qt, qtd, quantidade, total, cod, cd, codigo, valor, id, data exp, data emissao, fg, \
        flag, nivel, percentual, limite, tp, eh, possui",
    known: "pais, estado, uf, provincia, cargo, funcao, profissao, ocupacao, departamento, setor, turno, idioma, \
        moeda, marca, modelo, cor, banco, codigo, referencia, cupom, bandeira, regiao, escolaridade, escola, curso, \
        turma, grupo, unidade, origem, canal, especialidade, nivel, sigla",
    people: "cliente, clientes, usuario, usuarios, utilizador, utilizadores, pessoa, pessoas, fisica, paciente, \
        pacientes, funcionario, funcionarios, fornecedor, fornecedores, aluno, alunos, professor, professores, \
        hospede, hospedes, passageiro, passageiros, contato, contatos, socio, socios, membro, membros, medico, \
        medicos, motorista, motoristas, autor, autores, vendedor, vendedores, colaborador, colaboradores, \
        servidor pessoa, integrante, integrantes, dependentes, responsaveis, candidatos, participantes, \
        servidores publicos, doadores, utentes",
    places: "loja, lojas, armazem, armazens, filial, filiais, estado, estados, cidade, cidades, municipio, \
        municipios, pais, paises, escola, escolas, sala, salas, estacao, estacoes, hospital, unidade, unidades, uf, \
        bairros, regiao, regioes, aeroportos, predio, predios, local",
    catalogue: "produto, produtos, item, itens, categoria, categorias, tipo, tipos, perfil, perfis, servico, \
        servicos, curso, cursos, livro, livros, filme, filmes, grupo, grupos, marca, marcas, evento, eventos, \
        modelo, modelos, departamento, departamentos, moeda, moedas, turma, turmas, disciplina, disciplinas, \
        genero, generos, cargo, cargos",
    talk: "mensagem, mensagens, comentario, comentarios, pedido, pedidos, pagamento, pagamentos, atendimento, \
        atendimentos, chamado, chamados, avaliacao, avaliacoes, consulta, consultas, agendamento, agendamentos, \
        reclamacao, reclamacoes, transacao, transacoes, transferencia, movimentacao, solicitacao, solicitacoes, \
        ocorrencias, reserva, reservas, doacoes, despesas, tarefa, tarefas",
    name: "nome, nomes, nm",
    title: "titulo",
    description: "descricao, conteudo, texto, detalhe, corpo",
    glue: "nome, numero, num, nr, cd, cod, ds, nm, dt, data, codigo, cliente, contato, entrega, cobranca, celular, \
        fixo, id, usuario, mae, pai, exp",
};
